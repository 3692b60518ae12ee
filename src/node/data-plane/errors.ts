import { isJobxError, JobxError } from "../../std/errors.ts";

/** What can be wrong with the data plane as a whole. */
export type DataPlaneErrorDetails =
  /** Its thread ended by itself; what was under way in it is lost, and it starts anew. */
  | { readonly code: "DATA_PLANE_CRASHED" }
  /** What the data plane was promised by the rest of the node failed without a code. */
  | { readonly code: "DATA_PLANE_UNSERVED" }
  /** It was closed, or is closing. */
  | { readonly code: "DATA_PLANE_CLOSED" };

/** An operating error of the data plane itself. */
export class DataPlaneError extends JobxError<DataPlaneErrorDetails> {}

/** What everything under way ends with when the thread is gone. */
export function crashed(cause?: unknown): DataPlaneError {
  const message = "the thread of the data plane ended unexpectedly";
  return new DataPlaneError({ code: "DATA_PLANE_CRASHED" }, message, { cause });
}

/** An error without a code of what the thread asked for; its text is kept. */
export function unserved(cause: unknown): DataPlaneError {
  return new DataPlaneError({ code: "DATA_PLANE_UNSERVED" }, String(cause), { cause });
}

/** What comes after `close`. */
export function closed(): DataPlaneError {
  return new DataPlaneError({ code: "DATA_PLANE_CLOSED" }, "the data plane is closed");
}

/** Slices of others: not every error of theirs has a code, and one without must not end the control thread. */
export async function* coded(
  slices: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* slices;
  } catch (error) {
    throw isJobxError(error) ? error : unserved(error);
  }
}
