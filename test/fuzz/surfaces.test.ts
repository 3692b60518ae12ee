/** The short form of what is fuzzed from outside: a real node, its API and its mesh, a few inputs each. */
import { expect, test } from "vitest";
import { fuzzSurface } from "./surfaces/surface.ts";
import { SURFACES } from "./surfaces.ts";

/** Inputs of each surface, before its cost is counted. */
const RUNS = 3_000;

const seed = Date.now() % 1_000_000_000;

test.for(SURFACES)("a node is well whatever is sent to it: $name", async (surface) => {
  const runs = Math.ceil(RUNS / surface.cost);
  const counts = await fuzzSurface(surface, { seed, first: 0, runs });
  expect(counts.found.map(({ run, error }) => ({ seed, run, error }))).toEqual([]);
  expect(counts.inputs).toBe(runs);
});
