/** The executor among schedulers that want more than it has. */
import { expect, test } from "vitest";
import {
  BEAT_MS,
  END,
  grantOf,
  LEASE_MS,
  Schedulers,
  SLOTS,
} from "../../test/lib/executor-schedulers.ts";
import { RUN_MS_MAX } from "../scheduler/work.ts";
import { HELD_MAX } from "./executor.ts";
import { SLOW_WRITE_MS, STALLED_WRITE_MS } from "./write-stall.ts";

test("a scheduler that gets nothing while another has all slots is not beaten without end", async () => {
  const all = new Schedulers([1, 2]);
  all.demand.set(1, 50);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  expect(all.begun.get(1)).toBeGreaterThanOrEqual(SLOTS);
  all.demand.set(2, 50);
  await all.timers.advance(4 * BEAT_MS);
  expect(all.begun.get(2)).toBeUndefined();
  all.executor.stop();
});

test("beyond its slots an executor lends what they get done in the prefetch, and nothing for a slot that is kept for long", async () => {
  const all = new Schedulers([1], 50);
  all.demand.set(1, 1_000);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  // Nothing is known of what units take.
  expect(all.running.size).toBe(SLOTS);
  await all.endAll({ ...END, ranMs: 5 });
  expect(all.running.size).toBe(SLOTS + 20);
  // One of them takes long; the others end.
  await all.endAll({ ...END, ranMs: 5 }, 1);
  expect(all.running.size).toBe(SLOTS + 10);
  // Two of them do.
  await all.endAll({ ...END, ranMs: 5 }, 2);
  expect(all.running.size).toBe(SLOTS);
  await all.endAll({ ...END, ranMs: 10_000 });
  expect(all.running.size).toBe(SLOTS);
  all.executor.stop();
});

test("while the disk is slow an executor asks for no work ahead, while it stands still for none, and then for as much as before", async () => {
  const all = new Schedulers([1], 50);
  all.demand.set(1, 1_000);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  await all.endAll({ ...END, ranMs: 5 });
  expect(all.running.size).toBe(SLOTS + 20);
  all.writeMs = SLOW_WRITE_MS;
  await all.endAll({ ...END, ranMs: 5 });
  await all.endAll({ ...END, ranMs: 5 });
  expect(all.running.size).toBe(SLOTS);
  all.writeMs = STALLED_WRITE_MS;
  await all.timers.advance(BEAT_MS);
  await all.endAll({ ...END, ranMs: 5 });
  expect(all.running.size).toBe(0);
  all.writeMs = 0;
  await all.timers.advance(2 * BEAT_MS);
  expect(all.running.size).toBe(SLOTS + 20);
  all.executor.stop();
});

test("units of five schedulers on two slots all begin, however much work each has", async () => {
  const all = new Schedulers([1, 2, 3, 4, 5]);
  for (const group of all.demand.keys()) all.demand.set(group, 1_000);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  for (let round = 0; round < 20; round++) {
    all.beats = 0;
    await all.endAll();
  }
  for (const group of all.demand.keys()) expect(all.begun.get(group)).toBeGreaterThan(3);
  all.executor.stop();
});

/** Ends what runs, so many times. How many units of each of two schedulers began meanwhile. */
async function begunIn(all: Schedulers, rounds: number): Promise<readonly number[]> {
  const before = [1, 2].map((group) => all.begun.get(group) ?? 0);
  for (let round = 0; round < rounds; round++) {
    all.beats = 0;
    await all.endAll({ ...END, ranMs: 100 });
  }
  return [1, 2].map((group, at) => (all.begun.get(group) ?? 0) - (before[at] ?? 0));
}

test("a scheduler of three times the weight has three times the units, and a new weight counts from its next demand on", async () => {
  const all = new Schedulers([1, 2]);
  for (const group of all.demand.keys()) all.demand.set(group, 10_000);
  all.weights.set(2, 3);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  const [light = 0, heavy = 0] = await begunIn(all, 80);
  expect(heavy / light).toBeGreaterThan(2);
  expect(heavy / light).toBeLessThan(4);
  all.weights.set(1, 9);
  const [nine = 0, three = 0] = await begunIn(all, 80);
  expect(nine / three).toBeGreaterThan(2);
  expect(nine / three).toBeLessThan(4);
  all.executor.stop();
});

test("what a scheduler was lent beyond its part is taken back at once when another says that its units wait", async () => {
  const all = new Schedulers([1, 2], 200);
  all.demand.set(1, 10_000);
  all.demand.set(2, 1);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  await all.endAll({ ...END, ranMs: 10 });
  await all.endAll({ ...END, ranMs: 10 });
  // Forty of 10 ms are done on two slots in the time of prefetch.
  const both = SLOTS + 40;
  expect([all.slots.get(1), all.limits.get(1)]).toEqual([SLOTS, both]);
  all.demand.set(2, 10_000);
  all.ask(2);
  await all.timers.advance(0);
  expect([all.slots.get(1), all.limits.get(1)]).toEqual([SLOTS / 2, both / 2]);
  await all.endAll({ ...END, ranMs: 10 });
  expect([all.slots.get(2), all.limits.get(2)]).toEqual([SLOTS / 2, both / 2]);
  all.executor.stop();
});

test("how long ago an attempt ran is told anew each time that its end is said again", async () => {
  const all = new Schedulers([7]);
  all.demand.set(7, 1);
  all.isDeaf = true;
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  const throughMs = all.timers.nowMs() - 30;
  await all.endAll({ ...END, run: { tookMs: 70.4, throughMs } });
  await all.timers.advance(2 * BEAT_MS);
  const [first, ...again] = all.told;
  expect(first?.tookMs).toBe(70);
  expect(first?.agoMs).toBeGreaterThanOrEqual(30);
  expect(again.length).toBeGreaterThan(0);
  const agoMs = all.told.map((run) => run?.agoMs ?? 0);
  expect(agoMs).toEqual([...new Set(agoMs)].sort((a, b) => a - b));
  all.executor.stop();
});

test("what ran for longer than can be told is told as the longest time there is", async () => {
  const all = new Schedulers([7]);
  all.demand.set(7, 1);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  const run = { tookMs: 3 * RUN_MS_MAX, throughMs: all.timers.nowMs() - 2 * RUN_MS_MAX };
  await all.endAll({ ...END, run });
  expect(all.told).toEqual([{ tookMs: RUN_MS_MAX, agoMs: RUN_MS_MAX }]);
  all.executor.stop();
});

test("an attempt is held from its grant to its end, by the name of its own request", async () => {
  const all = new Schedulers([7]);
  all.demand.set(7, 1);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  const [attempt] = all.running.keys();
  if (attempt === undefined) throw new Error("nothing was granted");
  const { token, request } = attempt.grant;
  const { executor } = all;
  expect(executor.isHeld({ group: 7, request, token })).toBe(true);
  expect(executor.isHeld({ group: 7, request: "other-7-1", token })).toBe(false);
  expect(executor.isHeld({ group: 8, request, token })).toBe(false);
  await all.endAll();
  expect(executor.isHeld({ group: 7, request, token })).toBe(false);
  all.executor.stop();
});

test("a workflow without work costs no beats, and work is begun when its scheduler asks", async () => {
  const all = new Schedulers([1, 2]);
  all.executor.start();
  await all.timers.advance(4 * BEAT_MS);
  const before = all.beats;
  await all.timers.advance(100 * BEAT_MS);
  expect(all.beats).toBe(before);
  all.demand.set(2, 1);
  all.ask(2);
  await all.timers.advance(BEAT_MS);
  expect(all.begun.get(2)).toBe(1);
  await all.endAll();
  await all.timers.advance(4 * BEAT_MS);
  const after = all.beats;
  await all.timers.advance(100 * BEAT_MS);
  expect(all.beats).toBe(after);
});

test("units of a scheduler that says nothing for a lease are given up, and that is said once however long they take to end", async () => {
  const of = new Schedulers([1]);
  of.demand.set(1, SLOTS);
  of.executor.start();
  await of.timers.advance(BEAT_MS);
  expect(of.running.size).toBe(SLOTS);
  of.isGone = true;
  await of.timers.advance(LEASE_MS - BEAT_MS);
  expect([...of.running.keys()].some(({ controller }) => controller.signal.aborted)).toBe(false);
  await of.timers.advance(10 * BEAT_MS);
  expect([...of.running.keys()].every(({ controller }) => controller.signal.aborted)).toBe(true);
  expect(of.warnings).toEqual(["lost touch with a scheduler and gave up its units"]);
  of.executor.stop();
});

test("a scheduler that grants without end fills this node up to its bound, and no further", () => {
  const schedulers = new Schedulers([1, 2]);
  schedulers.executor.start();
  const grants = (group: number, from: number, count: number) => {
    const tokens = Array.from({ length: count }, (_, at) => ({ index: from + at, ordinal: 0 }));
    schedulers.executor.schedulerSaid("here", {
      kind: "grants",
      group,
      term: 1,
      executor: "run",
      grants: tokens.map(grantOf),
    });
  };
  grants(1, 1, HELD_MAX + 10);
  expect(schedulers.executor.busyCount).toBe(HELD_MAX);
  grants(2, 1, 1);
  expect(schedulers.executor.busyCount).toBe(HELD_MAX);
  schedulers.executor.stop();
});

test("a scheduler of a lower term than was heard neither begins, gives up nor settles anything", async () => {
  const of = new Schedulers([1]);
  of.term = 3;
  of.demand.set(1, 1);
  of.executor.start();
  await of.timers.advance(BEAT_MS);
  const [attempt] = of.running.keys();
  if (attempt === undefined) throw new Error("nothing was granted");
  const { token, request } = attempt.grant;
  const isHeld = () => of.executor.isHeld({ group: 1, request, token });
  const deposed = { group: 1, term: 2 };
  const grants = [grantOf({ index: 1_000, ordinal: 0 })];
  const { executor } = of;
  executor.schedulerSaid("there", { ...deposed, kind: "grants", executor: "run", grants });
  executor.schedulerSaid("there", { ...deposed, kind: "cancel", tokens: [token] });
  const demand = { ready: 5, weight: 1, heard: 0, held: 0 };
  executor.schedulerSaid("there", { ...deposed, ...demand, kind: "settled", tokens: [token] });
  expect(executor.busyCount).toBe(1);
  expect(attempt.controller.signal.aborted).toBe(false);
  expect(isHeld()).toBe(true);
  // The same words of the term that was heard count.
  executor.schedulerSaid("here", { group: 1, term: 3, kind: "cancel", tokens: [token] });
  expect(attempt.controller.signal.aborted).toBe(true);
  executor.schedulerSaid("here", {
    ...demand,
    group: 1,
    term: 3,
    kind: "settled",
    tokens: [token],
  });
  expect(isHeld()).toBe(false);
  executor.stop();
});

test("a unit that a scheduler of a lower term keeps talking of is given up after a lease without a word of the newest", async () => {
  const of = new Schedulers([1]);
  of.term = 3;
  of.demand.set(1, 1);
  of.executor.start();
  await of.timers.advance(BEAT_MS);
  of.isGone = true;
  of.term = 2;
  for (let beat = 0; beat < LEASE_MS / BEAT_MS + 1; beat++) {
    await of.timers.advance(BEAT_MS);
    of.ask(1);
  }
  expect([...of.running.keys()].map(({ controller }) => controller.signal.aborted)).toEqual([true]);
  of.executor.stop();
});

test("a scheduler that has no work hears what the node offers now, and nothing again", async () => {
  const all = new Schedulers([1]);
  all.executor.start();
  await all.timers.advance(10 * BEAT_MS);
  const quiet = all.beats;
  await all.timers.advance(10 * BEAT_MS);
  expect(all.beats).toBe(quiet);
  all.capabilities.push("docker");
  await all.timers.advance(2 * BEAT_MS);
  expect(all.offered.get(1)).toEqual(["docker"]);
  const told = all.beats;
  await all.timers.advance(10 * BEAT_MS);
  expect(all.beats).toBe(told);
  all.capabilities.pop();
  await all.timers.advance(2 * BEAT_MS);
  expect(all.offered.get(1)).toEqual([]);
  all.executor.stop();
});
