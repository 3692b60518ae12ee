/** How often and how long the units of a step are tried: what is in force where the step may not say it. */
import { RETRIES_DEFAULT, TIMEOUT_MS_DEFAULT } from "../workflow/definition.ts";
import type { StepDefinition } from "./rows.ts";

/** How many more times a failed unit of the step is tried. */
export function retriesOf(step: StepDefinition): number {
  return step.retries ?? largestOf(step, "retries") ?? RETRIES_DEFAULT;
}

/** Bound on one attempt of the step's units. */
export function timeoutMsOf(step: StepDefinition): number {
  return step.timeoutMs ?? largestOf(step, "timeoutMs") ?? TIMEOUT_MS_DEFAULT;
}

/** The handlers of a leaf run in one attempt, so that it has to be enough for each of them. */
function largestOf(step: StepDefinition, limit: "retries" | "timeoutMs"): number | undefined {
  const { mapper, combiner, reducer } = step;
  const said = [mapper, combiner, reducer].flatMap((handler) => handler?.[limit] ?? []);
  return said.length === 0 ? undefined : Math.max(...said);
}
