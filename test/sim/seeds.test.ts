import { expect, test } from "vitest";
import { failureText, runBatch } from "./batch.ts";
import { missingTotals } from "./totals.ts";

/**
 * Seeds that once showed a mistake in the program, which docs/testing.md tells of, without those that are among
 * the fixed ones.
 */
const FOUND_SEEDS = [
  ...[1, 2, 4, 8, 9, 10, 13, 26, 29, 42, 53, 82, 85, 98, 104, 167, 5_000, 31_004, 40_005, 50_070],
  ...[197_730, 3_000_905, 7_000_228, 9_100_140, 9_200_046, 9_300_127, 20_001_147],
  ...[41_004_053, 41_005_334, 928_619_776],
];

/** And some that did in the first days of the simulator; what it was nobody wrote down. */
const FORGOTTEN_SEEDS = [2_021, 10_549, 10_608];

/** Seeds that every run repeats, and fresh ones: a minute of processor time here. */
const FIXED_SEEDS = Array.from({ length: 60 }, (_, at) => 1_000 + at);
const FRESH_COUNT = 10;

/** In a file of its own beside the other tests of the simulator, which take about as long. */
test("fixed and fresh seeds are green, and go through everything", async () => {
  const fresh = Math.floor(Math.random() * 1_000_000_000);
  console.log(`fresh seeds from ${fresh} on`);
  const freshSeeds = Array.from({ length: FRESH_COUNT }, (_, at) => fresh + at);
  const { totals, failures } = await runBatch({
    seeds: [...FOUND_SEEDS, ...FORGOTTEN_SEEDS, ...FIXED_SEEDS, ...freshSeeds],
  });
  expect(failures.map((report) => failureText(report, { bugs: {}, watchesDisks: true }))).toEqual(
    [],
  );
  expect(missingTotals(totals)).toEqual([]);
});
