import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { silentLog } from "../std/log.ts";
import type { CallAnswer, Membership } from "./ports.ts";
import { Strangers } from "./strangers.ts";

const GROUP = 4;

/** Replicas 1 to 3 on `a` to `c`; with the fourth on `d` where it is known. */
function membershipOf(nodes: readonly string[]): Membership {
  const places = nodes.map((node, at) => ({ replica: at + 1, node, storeId: `s${node}` }));
  const voters = places.map(({ replica }) => replica);
  const none = { votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
  return { configuration: { voters, ...none }, places, nextReplica: nodes.length + 1 };
}

/** A replica on `a`, and what the others say of the group's members. */
function visited(
  said: Readonly<Record<string, readonly string[]>>,
  about: { readonly leader?: number; readonly silentTicks?: number } = { leader: 2 },
) {
  const timers = new FakeTimers();
  const asked: string[] = [];
  const warned: unknown[] = [];
  const strangers = new Strangers({
    clock: timers,
    log: { ...silentLog, warn: (_, fields) => warned.push(fields) },
    mesh: { self: "a", isUp: (node) => node !== "c" },
    caller: {
      ask(to): Promise<CallAnswer> {
        asked.push(to);
        const membership = membershipOf(said[to] ?? ["a", "b", "c"]);
        const place = { term: 1, lastIndex: 1, lastTerm: 1, appliedIndex: 1 };
        const standing = { replica: 2, ...place, membership };
        return Promise.resolve({ kind: "standing", standing });
      },
    },
    silentTicksMax: 20,
  });
  const replica = {
    group: GROUP,
    membership: membershipOf(["a", "b", "c"]),
    core: { status: () => ({ leader: about.leader, silentTicks: about.silentTicks ?? 0 }) },
  };
  const enters = (node = "d"): boolean => strangers.mayEnter(replica, 4, node);
  return { enters, asked, warned, timers };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a stranger is taken once a member that is up knows it, and others than the stranger are asked", async () => {
  const { enters, asked, warned } = visited({ b: ["a", "b", "c", "d"] });
  expect(enters()).toBe(false);
  await turn();
  expect(asked).toEqual(["b"]);
  expect(enters()).toBe(true);
  expect(warned).toEqual([]);
});

test("a stranger that nobody knows is refused and named, and asked about once a second", async () => {
  const { enters, asked, warned, timers } = visited({});
  for (let message = 0; message < 5; message++) expect(enters()).toBe(false);
  await turn();
  expect(enters()).toBe(false);
  expect(asked).toEqual(["b"]);
  expect(warned).toEqual([{ group: GROUP, node: "d" }]);
  await timers.advance(1_000);
  expect(enters()).toBe(false);
  expect(asked).toEqual(["b", "b"]);
});

test("a member cannot vouch for a place that it claims itself", async () => {
  const { enters, asked } = visited({ b: ["a", "b", "c", "b"] });
  expect(enters("b")).toBe(false);
  await turn();
  expect(asked).toEqual([]);
  expect(enters("b")).toBe(false);
});

test("a replica without a leader takes a stranger: it may be the next one", () => {
  expect(visited({}, {}).enters()).toBe(true);
  expect(visited({}, { leader: 2, silentTicks: 20 }).enters()).toBe(true);
});
