/** Why an outcome cannot be what a unit's attempt led to: an executor is not trusted to fit. */
import { unreachable } from "../std/assert.ts";
import { findStep, planOf, requestOf, type WorkflowTransaction } from "./apply-kit.ts";
import { isLister, listedProblem } from "./apply-listed.ts";
import type { Attempt } from "./attempt-record.ts";
import { partsOf } from "./reduce-outputs.ts";
import { PATH_LENGTH_MAX } from "./unit.ts";
import type { Outcome, WorkError } from "./work.ts";

/** Outcomes of a handler's call. */
const MADE: ReadonlySet<Outcome["kind"]> = new Set<Outcome["kind"]>([
  "mapped",
  "combined",
  "reduced",
]);

/** Why an outcome cannot be what this unit's attempt led to; an executor is not trusted to fit. */
export function problemOf(
  tx: WorkflowTransaction,
  attempt: Attempt,
  outcome: Outcome,
): WorkError | undefined {
  const { unit } = attempt;
  if (MADE.has(outcome.kind) && isLister(requestOf(tx, unit.request), unit)) {
    return unfit("a unit that lists has done something else");
  }
  switch (outcome.kind) {
    case "mapped": {
      if (unit.kind !== "map") return unfit("a reduce unit cannot map");
      const plan = planOf(tx, requestOf(tx, unit.request));
      if (findStep(plan, outcome.step) === undefined) {
        return problem("HANDLER_STEP_UNKNOWN", `the mapper chose an unknown step: ${outcome.step}`);
      }
      if (unit.path.length >= PATH_LENGTH_MAX) {
        return problem("HANDLER_TOO_DEEP", "the mapper maps more levels deep than are allowed");
      }
      return undefined;
    }
    case "combined":
      return unit.kind === "map" ? undefined : unfit("a reduce unit cannot combine");
    case "reduced":
      return outcome.parts.length === partsOf(tx, unit.request, unit.path)
        ? undefined
        : unfit("the result has another number of parts than its parent's step has partitions");
    case "listed": {
      const unfitting = listedProblem(tx, attempt, outcome);
      return unfitting === undefined ? undefined : unfit(unfitting);
    }
    case "failed":
    case "released":
    case "lacking":
      return undefined;
    default:
      return unreachable(outcome);
  }
}

/** An error of a unit that no handler told. */
export function problem(code: string, message: string): WorkError {
  return { code, message, traceback: "", stdout: "", stderr: "" };
}

function unfit(message: string): WorkError {
  return problem("HANDLER_PROTOCOL", message);
}
