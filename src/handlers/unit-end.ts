/** What is told of a unit that has ended, put together from what its attempt has left. */
import type {
  AttemptRun,
  EnforcedLimit,
  Outcome,
  Printed,
  WorkError,
  WorkerExit,
} from "../wire/dataset.ts";
import { AttemptFailed, type AttemptReleased } from "./attempt.ts";
import type { HandlerFault } from "./errors.ts";

/** For the many that print nothing, and whose handlers say nothing of limits, the outcome stays as it is. */
export function withPrinted(
  outcome: Outcome,
  printed: Printed | undefined,
  limits?: readonly EnforcedLimit[],
): Outcome {
  switch (outcome.kind) {
    case "mapped":
    case "combined":
    case "reduced":
      if (printed === undefined && limits === undefined) return outcome;
      return { ...outcome, printed, limits };
    case "listed":
    case "failed":
    case "released":
    case "lacking":
      return outcome;
  }
}

/** Of an attempt that failed or was given back. */
export function endOf(
  error: AttemptFailed | AttemptReleased,
  exit: WorkerExit | undefined,
  limits: readonly EnforcedLimit[],
): Outcome {
  return error instanceof AttemptFailed
    ? { kind: "failed", error: error.failure, exit, limits }
    : { kind: "released", reason: error.message, exit };
}

/** By three moments of one clock. */
export function runOf(begunMs: number, throughMs: number, nowMs: number): AttemptRun {
  return { tookMs: Math.max(0, throughMs - begunMs), agoMs: Math.max(0, nowMs - throughMs) };
}

/** Of a unit whose input or output is at fault, with nothing printed. */
export function plainFailure(fault: HandlerFault): WorkError {
  return { code: fault.code, message: fault.message, traceback: "", stdout: "", stderr: "" };
}
