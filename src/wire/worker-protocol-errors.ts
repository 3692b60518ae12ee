import { JobxError } from "../std/errors.ts";

/** What can be wrong with bytes between a node and its workers. */
export type WorkerProtocolErrorDetails =
  | { readonly code: "WORKER_FRAME_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "WORKER_FRAME_MALFORMED"; readonly reason: string };

/** An error of the worker protocol. */
export class WorkerProtocolError extends JobxError<WorkerProtocolErrorDetails> {}

/** An error about bytes or messages that do not follow the protocol. */
export function malformed(reason: string, cause?: unknown): WorkerProtocolError {
  return new WorkerProtocolError(
    { code: "WORKER_FRAME_MALFORMED", reason },
    `a frame does not follow the worker protocol: ${reason}`,
    { cause },
  );
}
