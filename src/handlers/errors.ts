import type { ContainersError } from "../containers/errors.ts";
import { JobxError } from "../std/errors.ts";

/** What a handler, or the process that runs it, did wrong. Ends the attempt; `docs/errors.md`. */
export type HandlerFaultDetails =
  /** It threw. */
  | { readonly code: "HANDLER_FAILED" }
  /** It threw outside of its generator, for example in a timer that it had left behind. */
  | { readonly code: "HANDLER_STRAY_ERROR" }
  /** Its source cannot be loaded. */
  | { readonly code: "HANDLER_LOAD_FAILED" }
  /** A mapper's first word was no direction. */
  | { readonly code: "HANDLER_NO_DIRECTION" }
  /** It yielded what is no pair, or what cannot be kept. */
  | { readonly code: "HANDLER_OUTPUT_INVALID" }
  /** A number or text in a key or value cannot be kept exactly. */
  | { readonly code: "HANDLER_VALUE_NOT_EXACT" }
  /** A pair is larger than a frame of the worker protocol. */
  | { readonly code: "HANDLER_VALUE_TOO_LARGE" }
  /** Its argument cannot be cast to the type that it asks for. */
  | { readonly code: "HANDLER_ARGUMENT_INVALID" }
  /** It wrote a session without being a mapper. */
  | { readonly code: "HANDLER_SESSION_READ_ONLY" }
  /** It wrote more into its session than `SESSION_BYTES_MAX`. */
  | { readonly code: "HANDLER_SESSION_TOO_LARGE" }
  /** A workspace has more than may be made a directory. */
  | { readonly code: "HANDLER_WORKSPACE_TOO_LARGE" }
  /** A sealed value in its input cannot be opened. */
  | { readonly code: "HANDLER_SEALED_INVALID" }
  /** Its process ended in the middle of a call. */
  | { readonly code: "HANDLER_CRASHED" }
  /** Its process was killed from outside in the middle of a call. */
  | { readonly code: "HANDLER_KILLED" }
  /** It gave no sign for longer than it may. */
  | { readonly code: "HANDLER_SILENT" }
  /** It started more processes than an attempt may. */
  | { readonly code: "HANDLER_PROCESSES_EXCEEDED" }
  /** It wrote a file larger than an attempt may. */
  | { readonly code: "HANDLER_DISK_EXCEEDED" }
  /** It took longer than its attempt may take. */
  | { readonly code: "HANDLER_TIMEOUT" }
  /** Its process, with what that has started, used more memory than an attempt may. */
  | { readonly code: "HANDLER_MEMORY_EXCEEDED" }
  /** It was done, and processes that it had started went on. */
  | { readonly code: "HANDLER_LEFT_PROCESSES" }
  /** Its container ended with a code that is not 0. */
  | { readonly code: "CONTAINER_FAILED" }
  /** It was to see what the node's owner does not allow. */
  | { readonly code: "CONTAINER_PATH_FORBIDDEN" }
  /** The engine of containers, or an image. */
  | { readonly code: ContainersError["code"] }
  /** Its process wrote to descriptor 4 what does not follow the protocol. */
  | { readonly code: "HANDLER_PROTOCOL" };

/** A code that a failed outcome may carry. */
export type HandlerFaultCode = HandlerFaultDetails["code"];

/** Codes that a worker itself may report; all others are the node's to find out. */
const REPORTED_CODES: ReadonlySet<string> = new Set<HandlerFaultCode>([
  "HANDLER_FAILED",
  "HANDLER_STRAY_ERROR",
  "HANDLER_LOAD_FAILED",
  "HANDLER_NO_DIRECTION",
  "HANDLER_OUTPUT_INVALID",
  "HANDLER_VALUE_NOT_EXACT",
  "HANDLER_VALUE_TOO_LARGE",
  "HANDLER_ARGUMENT_INVALID",
  "HANDLER_SESSION_READ_ONLY",
  "HANDLER_WORKSPACE_TOO_LARGE",
  // Of an executable in line mode: the worker itself lives on.
  "HANDLER_CRASHED",
  "HANDLER_KILLED",
  "HANDLER_MEMORY_EXCEEDED",
  "CONTAINER_FAILED",
  "CONTAINER_PATH_FORBIDDEN",
  "CONTAINER_ENGINE_UNREACHABLE",
  "CONTAINER_ENGINE_SILENT",
  "CONTAINER_ENGINE_REFUSED",
  "CONTAINER_ENGINE_ANSWER_INVALID",
  "CONTAINER_ENGINE_ADDRESS_INVALID",
  "CONTAINER_IMAGE_UNAVAILABLE",
  "CONTAINER_IMAGE_INVALID",
]);

/** Whether a worker may say this of its handler. */
export function isReportedCode(code: string): boolean {
  return REPORTED_CODES.has(code);
}

/** A handler's fault that the node found in what came from the worker. */
export class HandlerFault extends JobxError<HandlerFaultDetails> {}

/** What can be wrong with the running of handlers, through no fault of theirs. */
export type HandlersErrorDetails =
  /** A worker of this language cannot be started on this machine. */
  | { readonly code: "HANDLER_WORKER_UNAVAILABLE"; readonly language: string }
  /** The handler must be in a sandbox, and this machine has none. */
  | { readonly code: "HANDLER_SANDBOX_UNAVAILABLE" }
  /** The handler's limits must be enforced by the kernel, and are not here. */
  | { readonly code: "HANDLER_LIMIT_UNAVAILABLE" }
  /** The pool or the runner was closed. */
  | { readonly code: "HANDLER_POOL_CLOSED" };

/** An operating error of this folder. */
export class HandlersError extends JobxError<HandlersErrorDetails> {}
