/** Errors of the calls that the API makes, and how the replicas' refusals become errors. */
import type { CallAnswer } from "../actors/ports.ts";
import type { Answer } from "../scheduler/rows.ts";
import { JobxError } from "../std/errors.ts";

/** A call refused for a reason that the caller can act on. */
export class ClusterError extends JobxError<{
  readonly code: string;
  readonly [field: string]: unknown;
}> {}

export function workflowUnknown(name: string): ClusterError {
  return new ClusterError({ code: "WORKFLOW_UNKNOWN" }, `there is no workflow named ${name}`);
}

export function requestUnknown(id: string): ClusterError {
  return new ClusterError({ code: "REQUEST_UNKNOWN" }, `there is no request ${id}`);
}

/** The answer of a command. @throws {ClusterError} with the code of a refusal. */
export function accepted(answer: CallAnswer): Exclude<Answer, { kind: "refused" }> {
  if (answer.kind !== "answered") throw new Error(`a command was answered with ${answer.kind}`);
  if (answer.answer.kind === "refused") {
    throw new ClusterError({ code: answer.answer.code }, answer.answer.message);
  }
  return answer.answer;
}
