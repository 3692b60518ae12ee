import { JobxError } from "../std/errors.ts";

/** What can be wrong with bytes between a node and its workers. */
export type WorkerProtocolErrorDetails =
  | { readonly code: "WORKER_FRAME_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "WORKER_FRAME_MALFORMED"; readonly reason: string };

/** An error of the worker protocol. */
export class WorkerProtocolError extends JobxError<WorkerProtocolErrorDetails> {}
