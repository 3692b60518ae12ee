import { JobxError } from "../std/errors.ts";

/** What can be wrong with bytes that are, or should be, one of our messages or stored records. */
export type WireErrorDetails =
  /** `path` leads to the place, as in `$.entries[3].term`; empty when the bytes are not even values. */
  | { readonly code: "WIRE_MALFORMED"; readonly path: string; readonly reason: string }
  /** Well formed as far as can be told, but written by a version that this program does not know. */
  | { readonly code: "WIRE_VERSION_UNKNOWN"; readonly version: number }
  /** A message for a peer that fits no frame and cannot be cut. */
  | { readonly code: "WIRE_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number };

/** An error of bytes that came in wrong or are newer than the program, or that would be too many. */
export class WireError extends JobxError<WireErrorDetails> {}

/** Makes the error for a value at the present place; composites put their part of the path before it. */
export function malformed(reason: string, path = ""): WireError {
  const where = path === "" ? "" : ` at $${path}`;
  return new WireError({ code: "WIRE_MALFORMED", path, reason }, `${reason}${where}`);
}

/**
 * The same error one level further out: `segment` (`.term`, `[3]`) goes before its path. Anything
 * that is not a malformed value is passed through.
 */
export function within(segment: string, error: unknown): unknown {
  if (!(error instanceof WireError) || error.details.code !== "WIRE_MALFORMED") return error;
  return malformed(error.details.reason, segment + error.details.path);
}
