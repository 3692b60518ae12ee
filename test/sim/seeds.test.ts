import { expect, test } from "vitest";
import { failureText, runBatch } from "./batch.ts";
import { missingTotals } from "./totals.ts";

/** Seeds that once showed a mistake in the program; docs/testing.md says which. */
const FOUND_SEEDS = [1, 2, 10, 104, 2021, 10549, 10608, 31_004, 40_005, 928_619_776];

/** Seeds that every run repeats, and fresh ones: a minute of processor time here. */
const FIXED_SEEDS = Array.from({ length: 60 }, (_, at) => 1_000 + at);
const FRESH_COUNT = 10;

/** In a file of its own beside the other tests of the simulator, which take about as long. */
test("fixed and fresh seeds are green, and go through everything", async () => {
  const fresh = Math.floor(Math.random() * 1_000_000_000);
  console.log(`fresh seeds from ${fresh} on`);
  const freshSeeds = Array.from({ length: FRESH_COUNT }, (_, at) => fresh + at);
  const { totals, failures } = await runBatch({
    seeds: [...FOUND_SEEDS, ...FIXED_SEEDS, ...freshSeeds],
  });
  expect(failures.map((report) => failureText(report, { bugs: {}, watchesDisks: true }))).toEqual(
    [],
  );
  expect(missingTotals(totals)).toEqual([]);
});
