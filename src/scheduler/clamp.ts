/**
 * Cuts what handlers say down to what the state keeps of it, so that no handler's words are too long to
 * be sent, and no executor is left with an end that it cannot tell.
 */
import type { Outcome, WorkError } from "./work.ts";

/** Characters of each text of an error; the ends of what was printed matter most. */
const ERROR_TEXT_MAX = 16 * 1024;

/** Characters of an error's code. */
const CODE_MAX = 64;

/** Warnings of one attempt, and characters of each. */
const WARNINGS_MAX = 20;
const WARNING_MAX = 1024;

/** Characters of each text that is kept of an attempt that ended well, with a remark that it was cut. */
const PRINTED_MAX = 4096 + 256;

type Words = Pick<Extract<Outcome, { kind: "reduced" }>, "warnings" | "printed">;

/** Characters of a step's name, as for every name. */
const STEP_NAME_MAX = 128;

/** The outcome with every text within its bound. */
export function clampOutcome(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case "mapped": {
      if (outcome.step.length > STEP_NAME_MAX) return unknownStep(outcome.step);
      return { ...outcome, ...clampWords(outcome) };
    }
    case "combined":
    case "reduced":
      return { ...outcome, ...clampWords(outcome) };
    case "listed":
      return { ...outcome, warnings: clampWarnings(outcome.warnings) };
    case "failed":
    case "lacking":
      return { ...outcome, error: clampError(outcome.error) };
    case "released":
      return { ...outcome, reason: outcome.reason.slice(0, WARNING_MAX) };
  }
}

function clampWords({ warnings, printed }: Words): Words {
  if (printed === undefined) return { warnings: clampWarnings(warnings), printed };
  const stdout = printed.stdout.slice(-PRINTED_MAX);
  const stderr = printed.stderr.slice(-PRINTED_MAX);
  return { warnings: clampWarnings(warnings), printed: { stdout, stderr } };
}

function clampWarnings(warnings: readonly string[]): readonly string[] {
  return warnings.slice(0, WARNINGS_MAX).map((warning) => warning.slice(0, WARNING_MAX));
}

function clampError(error: WorkError): WorkError {
  return {
    code: error.code.slice(0, CODE_MAX),
    message: error.message.slice(0, ERROR_TEXT_MAX),
    // The last lines of a traceback name the place, and the last words printed what came before.
    traceback: error.traceback.slice(-ERROR_TEXT_MAX),
    stdout: error.stdout.slice(-ERROR_TEXT_MAX),
    stderr: error.stderr.slice(-ERROR_TEXT_MAX),
  };
}

function unknownStep(step: string): Outcome {
  const message = `the mapper chose a step whose name is too long: ${step.slice(0, STEP_NAME_MAX)}`;
  const error = { code: "HANDLER_STEP_UNKNOWN", message, traceback: "", stdout: "", stderr: "" };
  return { kind: "failed", error };
}
