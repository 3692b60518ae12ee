/** Calls of handlers, as a worker process takes them. */
import type { HandlerRef } from "../wire/dataset.ts";
import { type FromWorker, type StartMessage, WORKER_EXIT_STRAY } from "../wire/worker-protocol.ts";
import type { MemoryExcess } from "./worker-memory.ts";

/** How a call ended. */
export type CallEnd =
  /** `loggedBytes` of what it has printed are lines of its log. */
  | { readonly kind: "done"; readonly loggedBytes: number }
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly traceback: string;
    }
  | {
      readonly kind: "exited";
      readonly exitCode: number | null;
      readonly signal: string | null;
    }
  /** It used more memory than its attempt may. The worker is dead. */
  | ({ readonly kind: "memory" } & MemoryExcess)
  /** It had more processes than its attempt may, or was refused one of them. */
  | { readonly kind: "pids"; readonly limit: number }
  /** It wrote more into a file than its attempt may. */
  | { readonly kind: "disk"; readonly limitBytes: number }
  /** What came on descriptor 4 does not follow the protocol. The worker is dead. */
  | { readonly kind: "protocol"; readonly reason: string }
  /** Our own input or consumer threw `error`. The worker is dead. */
  | { readonly kind: "broken"; readonly error: unknown }
  /** `kill` was called. Nothing of the worker is left. */
  | { readonly kind: "killed" }
  /** The worker ended, in whatever way, before it came to this call. Nothing of it is left. */
  | { readonly kind: "unbegun" };

/** Whether something threw outside of a handler's generator: whose call that was is not said. */
export function isStray(end: CallEnd | { readonly kind: "left" }): boolean {
  if (end.kind === "exited") return end.exitCode === WORKER_EXIT_STRAY;
  return end.kind === "failed" && end.code === "HANDLER_STRAY_ERROR";
}

/** A handler as its worker is told of it. */
export function toldHandler(
  handler: HandlerRef,
  program: { readonly main: string } | undefined,
): StartMessage["handler"] {
  const { name, version, type, argumentType, language, runtime } = handler;
  const told = { name, version, type, argumentType, main: program?.main };
  if (language !== "executable" || runtime?.protocol === "frames") return told;
  const { codec = "tsv", separator = "\t" } = runtime ?? {};
  return { ...told, lines: { codec, separator }, unseals: runtime?.unseals };
}

/** Messages in the middle of a call. */
export type CallMessage = Extract<FromWorker, { kind: "direction" | "session-set" | "log" }>;

/** One handler call. */
export interface CallOptions {
  readonly start: Omit<StartMessage, "kind" | "call">;
  /**
   * Frames with batches. A stream is returned early when the call ends before its input; what is
   * there as a whole can be sent ahead of its turn.
   */
  readonly input: AsyncIterable<Uint8Array> | readonly Uint8Array[];
  /** The calls before it have ended. */
  onBegin?(): void;
  /** Output in order; the next is not given before this has resolved. `body` is the raw batch. */
  onBatch(records: readonly unknown[], body: Uint8Array): Promise<void> | undefined;
  /** What throws ends the call as `broken`. */
  onMessage(message: CallMessage): void;
}

/** What a worker says about a source. */
export type CheckEnd = Extract<FromWorker, { kind: "checked" | "refused" }>;

/** What a handler is given, as frames: a stream, or all of it. */
export type CallInput = CallOptions["input"];

/** True for input that is all at hand, so that its call can be sent ahead of its turn. */
export function isWhole(input: CallInput): input is readonly Uint8Array[] {
  return "length" in input;
}
