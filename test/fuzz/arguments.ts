/** The command line of the fuzzer. */
import { parseArgs } from "node:util";

export interface FuzzArguments {
  readonly seed: number;
  /** The number of the first input. */
  readonly first: number;
  /** Inputs of each target in one round; targets that cost more get fewer. */
  readonly runs: number;
  /** The only target; undefined: all of them. */
  readonly target: string | undefined;
  /** Goes on with further inputs for so long; undefined: one round. */
  readonly minutes: number | undefined;
  readonly json: boolean;
  /** Where findings are written. */
  readonly out: string;
  /** Plays the finding of this file instead. */
  readonly replay: string | undefined;
  readonly coverage: boolean;
}

export const USAGE = `npm run fuzz -- [--seed N] [--first N] [--runs N] [--target NAME] [--minutes M] [--json] [--out DIR]
                    [--replay FILE] [--coverage]
  --seed      what all inputs are drawn from (drawn from the clock without it)
  --first     the number of the first input (0)
  --runs      inputs of each target (20000)
  --target    one decoder or surface; without it all decoders, then all surfaces
  --minutes   goes on with further inputs for so long
  --json      prints the counts as JSON
  --out       where failing inputs are written (fuzz-found)
  --replay    decodes the input of a file again
  --coverage  prints how much of each decoder's branches is reached`;

/** @throws {TypeError} for what it does not know. */
export function readArguments(args: readonly string[], drawnSeed: number): FuzzArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      first: { type: "string" },
      runs: { type: "string" },
      target: { type: "string" },
      minutes: { type: "string" },
      json: { type: "boolean" },
      out: { type: "string" },
      replay: { type: "string" },
      coverage: { type: "boolean" },
    },
  });
  return {
    seed: number("seed", values.seed) ?? drawnSeed,
    first: number("first", values.first) ?? 0,
    runs: number("runs", values.runs) ?? 20_000,
    target: values.target,
    minutes: number("minutes", values.minutes),
    json: values.json === true,
    out: values.out ?? "fuzz-found",
    replay: values.replay,
    coverage: values.coverage === true,
  };
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new TypeError(`--${name} is no number`);
  return value;
}
