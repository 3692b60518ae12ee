/**
 * The short form: every target with a fixed seed and a fresh one, and what was found before. FUZZ_RUNS and
 * FUZZ_SEED make it longer or another; `npm run fuzz` is the long form.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { playFound, readFound } from "./found.ts";
import { type Counts, fuzz } from "./runner.ts";
import { PAST_RATIO_MIN, pastRatio } from "./table.ts";
import { TARGETS } from "./targets.ts";

/** Inputs of each seed and target; about half a minute in all on an idle machine. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 2_000);

const FIXED_SEED = 1;

const freshSeed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_000);
console.log(`fuzzing with the seeds ${FIXED_SEED} and ${freshSeed}`);

const all: Counts[] = [];

test.for(TARGETS)("$name answers any input with a value or a coded error", async (target) => {
  const runs = Math.ceil(RUNS / (target.cost ?? 1));
  for (const seed of [FIXED_SEED, freshSeed]) {
    const counts = await fuzz(target, { seed, runs });
    all.push(counts);
    // Without the inputs, which may be long: seed and number make them again.
    expect(counts.found.map(({ run, error }) => ({ seed, run, error }))).toEqual([]);
  }
});

test("enough of the inputs get past framing and version", () => {
  expect(all.length).toBe(2 * TARGETS.length);
  expect(pastRatio(all)).toBeGreaterThan(PAST_RATIO_MIN);
});

const regressions = globSync("regressions/*.json", { cwd: import.meta.dirname }).sort();

test.for(regressions)("%s is answered, as it once was not", async (file) => {
  expect(await playFound(readFound(join(import.meta.dirname, file)))).not.toBe("cut");
});
