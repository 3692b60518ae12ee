/** How schedulers share an executor's slots by time, whatever the time of their units. */
import { expect, test } from "vitest";
import { BEAT_MS, Schedulers } from "../../test/lib/executor-schedulers.ts";

const PREFETCH_MS = 50;
const SHORT_MS = 5;
const LONG_MS = 3_000;
const SECONDS = 120;

/** Slot time of two workflows that want all slots, as parts of all there is. */
async function partsOf(slots: number, weights: readonly [number, number]): Promise<number[]> {
  const all = new Schedulers([1, 2], PREFETCH_MS, slots);
  all.unitMs.set(1, SHORT_MS);
  all.unitMs.set(2, LONG_MS);
  weights.forEach((weight, at) => void all.weights.set(at + 1, weight));
  all.executor.start();
  await all.timers.advance(1_000);
  for (const group of all.demand.keys()) all.demand.set(group, 1_000_000);
  for (const group of all.demand.keys()) all.ask(group);
  for (let second = 0; second < SECONDS; second++) {
    // Beats are few: a bound is of each second.
    all.beats = 0;
    await all.timers.advance(1_000);
  }
  all.executor.stop();
  return [1, 2].map((group) => (all.usedMs.get(group) ?? 0) / (SECONDS * 1_000 * slots));
}

test.each([1, 2, 3, 4])(
  "units of 5 ms and of 3 s have the same time of %i slots, and leave none of it",
  async (slots) => {
    const [short = 0, long = 0] = await partsOf(slots, [1, 1]);
    expect(short + long).toBeGreaterThan(0.9);
    expect(Math.abs(short - long)).toBeLessThan(0.1);
  },
);

test.each([1, 4])(
  "short units of three times the weight have three times the time of %i slots that long ones have",
  async (slots) => {
    const [short = 0, long = 0] = await partsOf(slots, [3, 1]);
    expect(short).toBeGreaterThan(0.65);
    expect(long).toBeGreaterThan(0.15);
  },
);

test("the slot of a workflow that has run out of units is another one's when its last unit is settled, and not at the next beat", async () => {
  const all = new Schedulers([1, 2], PREFETCH_MS, 2);
  all.unitMs.set(1, 20 * LONG_MS);
  // So short that no beat is answered while it runs.
  all.unitMs.set(2, BEAT_MS / 5);
  all.executor.start();
  await all.timers.advance(BEAT_MS);
  all.demand.set(1, 1_000);
  all.demand.set(2, 1);
  all.ask(2);
  await all.timers.advance(0);
  all.ask(1);
  await all.timers.advance(BEAT_MS / 5 - 1);
  expect([...all.running.keys()].map(({ group }) => group).sort()).toEqual([1, 2]);
  // Its end leaves when ends have been gathered, long before the next beat.
  await all.timers.advance(BEAT_MS / 10);
  expect([...all.running.keys()].map(({ group }) => group)).toEqual([1, 1]);
  expect(all.limits.get(1)).toBe(2);
  all.executor.stop();
});
