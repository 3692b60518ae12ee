import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { PeerClocks } from "./peer-clocks.ts";
import type { PeerMessage } from "./ports.ts";

const VOTERS = ["a", "b", "c"];

class Clocks {
  readonly timers = new FakeTimers();
  readonly sent: [string, PeerMessage][] = [];
  readonly clocks = new PeerClocks({
    clock: this.timers,
    wall: this.timers,
    timers: this.timers,
    mesh: {
      self: "a",
      isUp: (node) => node !== "c",
      send: (to, message) => {
        this.sent.push([to, message]);
        return true;
      },
    },
    members: () => VOTERS,
  });

  /** Another node's clock is so far ahead, as a message of it says that took `delayMs`. */
  hear(node: string, aheadMs: number, delayMs = 0): void {
    this.clocks.heard(node, this.timers.wallMs() + aheadMs - delayMs);
  }

  get medianAheadMs(): number {
    return this.clocks.medianMs(VOTERS) - this.timers.wallMs();
  }
}

test("one clock that is far off does not move the median, whichever it is", () => {
  const here = new Clocks();
  here.hear("b", 40);
  here.hear("c", 3_600_000);
  expect(here.medianAheadMs).toBe(40);
  expect(here.clocks.aheadMs("c", VOTERS)).toBe(3_599_960);
  // This node's own clock is the one that is off.
  const wrong = new Clocks();
  wrong.hear("b", -3_600_000);
  wrong.hear("c", -3_600_020);
  expect(wrong.medianAheadMs).toBe(-3_600_000);
  expect(wrong.clocks.aheadMs("a", VOTERS)).toBe(3_600_000);
});

test("of clocks that are not known nothing is assumed", () => {
  const here = new Clocks();
  expect(here.medianAheadMs).toBe(0);
  expect(here.clocks.aheadMs("b", VOTERS)).toBeUndefined();
  // Of two clocks nobody knows which is right; the earlier one does no lasting harm.
  here.hear("b", 100);
  expect(here.medianAheadMs).toBe(0);
  here.hear("b", -100, 0);
  expect(here.medianAheadMs).toBe(0);
});

test("of a node that went away the next word holds, and until then the last one", () => {
  const here = new Clocks();
  expect(here.clocks.knowsMost(["a"])).toBe(true);
  expect(here.clocks.knowsMost(VOTERS)).toBe(false);
  here.hear("b", 100);
  expect(here.clocks.knowsMost(VOTERS)).toBe(true);
  here.clocks.doubt("b");
  expect(here.clocks.aheadMs("b", ["a"])).toBe(100);
  here.hear("b", -100);
  expect(here.clocks.aheadMs("b", ["a"])).toBe(-100);
});

test("a word that was long on its way does not make a clock late, until nothing truer came for long", async () => {
  const here = new Clocks();
  here.hear("b", 100, 5);
  here.hear("b", 100, 4_000);
  expect(here.clocks.aheadMs("b", ["a"])).toBe(95);
  await here.timers.advance(60_000);
  here.hear("b", -7_000);
  expect(here.clocks.aheadMs("b", ["a"])).toBe(-7_000);
});

test("members that are up are told the time at once and regularly", async () => {
  const here = new Clocks();
  here.clocks.start();
  expect(here.sent).toEqual([["b", { kind: "clock", wallMs: here.timers.wallMs() }]]);
  await here.timers.advance(10_000);
  expect(here.sent).toHaveLength(2);
  here.clocks.stop();
  await here.timers.advance(60_000);
  expect(here.sent).toHaveLength(2);
});
