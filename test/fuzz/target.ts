/** What is fuzzed: a decoder, how inputs for it are made, and what may come of one. */
import type { Chance } from "../sim/chance.ts";

/**
 * How far an input came: `cut` before its fields were looked at (framing, checksum, syntax), `version`
 * when it is of another version, `refused` by what its fields say, `accepted`.
 */
export type Reach = "cut" | "version" | "refused" | "accepted";

/** One decoder or a few that belong together. */
export interface Target {
  readonly name: string;
  /** Files of `src` whose branches must be covered by this target. */
  readonly reads: readonly string[];
  /** An input; the same for the same draws. */
  readonly make: (chance: Chance) => Uint8Array;
  /** Decodes it. Whatever it throws is a finding: what may be thrown, it catches itself. */
  readonly take: (input: Uint8Array) => Reach | Promise<Reach>;
  /** How many inputs count as one of the others: slow targets get fewer. 1 unless said. */
  readonly cost?: number;
}

/** An input that something was wrong with, as it is kept in a file and played again. */
export interface Found {
  readonly target: string;
  readonly seed: number;
  readonly run: number;
  /** Deflated, then base64: some are long and all of one piece. */
  readonly input: string;
  readonly error: string;
}
