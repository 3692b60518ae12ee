/** Runs inputs of targets and counts what came of them. */
import { deflateRawSync } from "node:zlib";
import { Chance } from "../sim/chance.ts";
import type { Found, Reach, Target } from "./target.ts";

/**
 * Processor time that one input may take, ms. Most take microseconds; what is long on purpose has 60,000
 * characters, and whatever takes their square takes seconds.
 */
const INPUT_MS_MAX = 2_000;

/** What one input may leave allocated before anything is collected, bytes. */
const GROWTH_BYTES_MAX = 256 * 1024 * 1024;

/** Findings of one target after which it is given up. */
const FOUND_MAX = 3;

/** Inputs between two looks at memory and at the time. */
const LOOK_INPUTS = 16;

/** Counts of one target. */
export interface Counts {
  readonly target: string;
  readonly inputs: number;
  readonly cut: number;
  readonly version: number;
  readonly refused: number;
  readonly accepted: number;
  readonly ms: number;
  readonly found: readonly Found[];
}

export interface RunOptions {
  readonly seed: number;
  /** The number of the first input, and how many. */
  readonly first?: number;
  readonly runs: number;
  /** Told of each input before it is decoded, for whoever watches from outside. */
  readonly watch?: (run: number) => void;
}

/** The input of a target for a seed and a number: always the same. */
export function inputOf(target: Target, seed: number, run: number): Uint8Array {
  return target.make(Chance.of(Math.imul(seed, 0x9e3779b1) + run, target.name));
}

/** Decodes one input again. @throws {unknown} what the target threw. */
export async function play(target: Target, input: Uint8Array): Promise<Reach> {
  const before = process.cpuUsage();
  const reach = await target.take(input);
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  if (ms > INPUT_MS_MAX) throw new Error(`one input of ${input.length} bytes took ${ms} ms`);
  return reach;
}

/** `runs` inputs of one target. Errors have no stack meanwhile, which would be most of the work. */
export async function fuzz(target: Target, options: RunOptions): Promise<Counts> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await fuzzAll(target, options);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function fuzzAll(target: Target, options: RunOptions): Promise<Counts> {
  const { seed, first = 0, runs, watch } = options;
  const reached = { cut: 0, version: 0, refused: 0, accepted: 0 };
  const found: Found[] = [];
  const startMs = performance.now();
  let inputs = 0;
  let memory = process.memoryUsage.rss();
  for (let run = first; run < first + runs && found.length < FOUND_MAX; run++) {
    const input = inputOf(target, seed, run);
    watch?.(run);
    inputs += 1;
    try {
      reached[await timed(target, input)] += 1;
      if (run % LOOK_INPUTS !== 0) continue;
      const before = memory;
      memory = process.memoryUsage.rss();
      checkGrowth(memory - before);
    } catch (error) {
      found.push(foundOf(target, { seed, run, input, error }));
    }
  }
  return { target: target.name, inputs, ...reached, ms: performance.now() - startMs, found };
}

/** Looks at the processor's clock only where the wall's says that it may be worth it. */
async function timed(target: Target, input: Uint8Array): Promise<Reach> {
  const startMs = performance.now();
  const taken = target.take(input);
  const reach = typeof taken === "string" ? taken : await taken;
  if (performance.now() - startMs < INPUT_MS_MAX) return reach;
  return play(target, input);
}

function checkGrowth(bytes: number): void {
  if (bytes <= GROWTH_BYTES_MAX) return;
  throw new Error(`memory grew by ${bytes} bytes within ${LOOK_INPUTS} inputs`);
}

/** An input as it stands in a finding. */
export function packInput(input: Uint8Array): string {
  return deflateRawSync(input).toString("base64");
}

function foundOf(
  target: Target,
  at: {
    readonly seed: number;
    readonly run: number;
    readonly input: Uint8Array;
    readonly error: unknown;
  },
): Found {
  const { seed, run, input, error } = at;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    target: target.name,
    seed,
    run,
    input: packInput(input),
    error: text.slice(0, 2_000),
  };
}
