/** `npm run fuzz`: makes inputs, prints counts, exits with 1 when something is found. */
import { type FuzzArguments, readArguments, USAGE } from "./arguments.ts";
import { coverage } from "./coverage.ts";
import { playFound, readFound, writeFound } from "./found.ts";
import type { Counts } from "./runner.ts";
import { fuzzSurface } from "./surfaces/surface.ts";
import { SURFACES } from "./surfaces.ts";
import { addCounts, PAST_RATIO_MIN, pastRatio, tableText } from "./table.ts";
import { TARGETS } from "./targets.ts";
import { fuzzWatched } from "./watched.ts";

const MINUTE_MS = 60_000;

/** Findings after which there is enough to work on. */
const FOUND_MAX = 10;

async function replay(path: string): Promise<number> {
  try {
    console.log(await playFound(readFound(path)));
    return 0;
  } catch (error) {
    console.log(error);
    return 1;
  }
}

/** A decoder in a thread, or a surface of a node in a process. */
interface Fuzzed {
  readonly name: string;
  readonly cost?: number;
  readonly run: (round: Round) => Promise<Counts>;
}

interface Round {
  readonly seed: number;
  readonly first: number;
  readonly runs: number;
}

const FUZZED: readonly Fuzzed[] = [
  ...TARGETS.map((target) => ({ ...target, run: (round: Round) => fuzzWatched(target, round) })),
  ...SURFACES.map((surface) => ({
    ...surface,
    run: (round: Round) => fuzzSurface(surface, round),
  })),
];

async function rounds(
  targets: readonly Fuzzed[],
  asked: FuzzArguments,
): Promise<readonly Counts[]> {
  const startMs = performance.now();
  const totals = new Map<string, Counts>();
  const goesOn = (): boolean =>
    asked.minutes !== undefined && performance.now() - startMs < asked.minutes * MINUTE_MS;
  let round = 0;
  let found = 0;
  do {
    for (const target of targets) {
      const runs = Math.ceil(asked.runs / (target.cost ?? 1));
      const first = asked.first + round * runs;
      const counts = await target.run({ seed: asked.seed, first, runs });
      for (const one of counts.found) console.error(writeFound(asked.out, one));
      found += counts.found.length;
      totals.set(target.name, addCounts(totals.get(target.name), counts));
      if (round > 0 && !goesOn()) break;
    }
    round += 1;
  } while (goesOn() && found < FOUND_MAX);
  return [...totals.values()];
}

async function main(): Promise<number> {
  let asked: FuzzArguments;
  try {
    asked = readArguments(process.argv.slice(2), Math.floor(Date.now() % 1_000_000_000));
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    console.log(USAGE);
    return 2;
  }
  if (asked.replay !== undefined) return replay(asked.replay);
  if (asked.coverage) return coverage(asked);
  const { target: only } = asked;
  const targets = FUZZED.filter(({ name }) => only === undefined || name === only);
  if (targets.length === 0) {
    console.log(
      `there is no target ${only}; known are ${FUZZED.map(({ name }) => name).join(", ")}`,
    );
    return 2;
  }
  const counts = await rounds(targets, asked);
  const ratio = pastRatio(counts);
  if (asked.json)
    console.log(JSON.stringify({ seed: asked.seed, pastRatio: ratio, counts }, null, 2));
  else console.log(`seed ${asked.seed}\n${tableText(counts)}`);
  if (ratio < PAST_RATIO_MIN) console.log("too few inputs get past framing and version");
  return counts.some(({ found }) => found.length > 0) || ratio < PAST_RATIO_MIN ? 1 : 0;
}

process.exitCode = await main();
