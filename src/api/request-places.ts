/**
 * Where a request is found: by its id alone, and under its workflow as well, for who walks down from
 * there. One table, so that no route of a request is in one of the places only.
 */
import type { FastifyRequest } from "fastify";
import { JobxError } from "../std/errors.ts";
import type { ClusterPort } from "./ports.ts";
import {
  ATTEMPT_PARAMS,
  INVOCATION_PARAMS,
  REQUEST_PARAMS,
  WORKFLOW_ATTEMPT_PARAMS,
  WORKFLOW_INVOCATION_PARAMS,
  WORKFLOW_REQUEST_PARAMS,
} from "./schema.ts";
import { isMapping } from "./values.ts";

/** The beginning of a path, and the parameters of a request, of its attempts and of its invocations. */
export const REQUEST_PLACES = [
  {
    url: "/requests/:request",
    request: REQUEST_PARAMS,
    attempt: ATTEMPT_PARAMS,
    invocation: INVOCATION_PARAMS,
  },
  {
    url: "/workflows/:workflow/requests/:request",
    request: WORKFLOW_REQUEST_PARAMS,
    attempt: WORKFLOW_ATTEMPT_PARAMS,
    invocation: WORKFLOW_INVOCATION_PARAMS,
  },
] as const;

/** One of the places. */
export type RequestPlace = (typeof REQUEST_PLACES)[number];

/** Path parameters of a request in any place: its workflow is not among them in the short one. */
export interface RequestPath {
  readonly request: string;
}

/**
 * A hook for every route of a request: one that is named under another workflow is not there, whatever
 * the token may do. @throws {JobxError} `REQUEST_UNKNOWN`.
 */
export function requireItsWorkflow(
  cluster: Pick<ClusterPort, "workflowOf">,
): (request: FastifyRequest) => Promise<void> {
  return async ({ params }) => {
    const { workflow, request } = isMapping(params) ? params : {};
    if (workflow === undefined || typeof request !== "string") return;
    if (cluster.workflowOf(request) === workflow) return;
    throw new JobxError(
      { code: "REQUEST_UNKNOWN", request },
      `the workflow ${String(workflow)} has no request ${request}`,
    );
  };
}
