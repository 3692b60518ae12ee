/** What is said of the output of an attempt that runs. None of it is in the log. */
import type { Token } from "./unit.ts";

/** Bytes of what an attempt has printed. */
export interface OutputPart {
  /** Their place: so many bytes were printed before them. */
  readonly from: number;
  /** At most 64 KiB. */
  readonly bytes: Uint8Array;
}

/** Parts of its two streams. */
export interface OutputParts {
  readonly stdout: OutputPart;
  readonly stderr: OutputPart;
}

/** What it has printed after some places, as far as that is kept. */
export interface OutputSoFar extends OutputParts {
  /** Whether this is all: nothing comes any more. */
  readonly ended: boolean;
}

/** How the node that was granted the attempt knows it; `gone`: no more, or not yet. */
export type OutputState = "running" | "ended" | "gone";

/** Which attempt's output is wanted, and after how many bytes of each stream. */
export interface OutputWanted {
  /** The id of the request that the attempt must be of. */
  readonly request: string;
  readonly token: Token;
  readonly stdout: number;
  readonly stderr: number;
}
