import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { Paces } from "./paces.ts";
import { UnitLine, type WaitingUnit } from "./unit-line.ts";

const WAITING_MS_MAX = 3_000;

interface Named extends WaitingUnit {
  readonly name: string;
}

function lineOf() {
  const timers = new FakeTimers();
  const line = new UnitLine<Named>({
    paces: new Paces(),
    slots: 1,
    clock: timers,
    timers,
    waitingMsMax: WAITING_MS_MAX,
  });
  const left: string[] = [];
  const unit = (group: number, name: string, signal = new AbortController().signal): Named => ({
    ...{ group, name, signal, kind: undefined, weight: 1, isSpare: false },
    leave: () => void left.push(name),
  });
  /** Takes what is next, which has the slot for so long. */
  const run = (heldMs: number): string => {
    const taken = line.take();
    line.left(taken, heldMs);
    return taken.map(({ name }) => name).join("+");
  };
  return { timers, line, left, unit, run };
}

test("a unit does not wait for all those of another workflow that came before it", () => {
  const { line, unit, run } = lineOf();
  for (const name of ["a1", "a2", "a3"]) line.enter(unit(1, name));
  for (const name of ["b1", "b2"]) line.enter(unit(2, name));
  expect([1, 2, 3, 4, 5, 6].map(() => run(100))).toEqual(["a1", "b1", "a2", "b2", "a3", ""]);
});

test("short units have the slot until they have had as much of it as another workflow's long one", () => {
  const { line, unit, run } = lineOf();
  line.enter(unit(1, "long"));
  line.enter(unit(1, "longer"));
  for (let at = 0; at < 11; at++) line.enter(unit(2, `short${at}`));
  expect(run(1_000)).toBe("long");
  const order = Array.from({ length: 12 }, () => run(100));
  expect(order.indexOf("longer")).toBe(10);
});

test("one that left the line is no longer waited for: the turn is another one's", async () => {
  const { timers, line, left, unit, run } = lineOf();
  const controller = new AbortController();
  line.enter(unit(1, "given up", controller.signal));
  line.enter(unit(2, "waits"));
  controller.abort();
  expect(left).toEqual(["given up"]);
  expect(run(10)).toBe("waits");
  expect(run(10)).toBe("");
  line.enter(unit(1, "too long"));
  await timers.advance(2 * WAITING_MS_MAX);
  expect(left).toEqual(["given up", "too long"]);
  line.enter(unit(2, "last"));
  expect(run(10)).toBe("last");
});

test("one that begins anew is before those of its workflow that came after it", () => {
  const { line, unit, run } = lineOf();
  line.enter(unit(1, "second"));
  line.reenter(unit(1, "first"));
  expect([run(1), run(1)]).toEqual(["first", "second"]);
});

test("one that may pass is taken before all others, whoever's turn it is; the others are not", () => {
  const { line, unit } = lineOf();
  line.enter(unit(1, "first"));
  line.enter({ ...unit(2, "passes"), isSpare: true });
  expect(line.takeSpare().map(({ name }) => name)).toEqual(["passes"]);
  expect(line.takeSpare()).toEqual([]);
});
