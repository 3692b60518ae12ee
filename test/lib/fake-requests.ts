/** What a fake cluster shows of a request that was just submitted. */
import type { RequestError, RequestView, SubmitInput } from "../../src/api/ports.ts";

/** A quarter of it is done. */
export function runningRequest(request: string, input: SubmitInput): RequestView {
  return {
    request,
    workflow: input.workflow,
    job: input.job,
    state: "running",
    revision: 100,
    submittedAt: "2026-01-01T00:00:00Z",
    endedAt: null,
    result: null,
    error: null,
    steps: { words: { total: 4, done: 1, failed: 0 } },
    warnings: [],
    keptAs: input.keep ?? null,
    retryOf: null,
  };
}

/** Why a request fails, unless a test says it. */
export const BROKEN: RequestError = {
  code: "HANDLER_FAILED",
  message: "it broke",
  invocation: "i1",
  traceback: "Traceback: line 1",
  stdout: "",
  stderr: "",
};
