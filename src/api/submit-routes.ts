/** Submitting a job. A plugin of its own, because it alone reads bodies in the order of their text. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { JobxError } from "../std/errors.ts";
import { admitted } from "./admitted.ts";
import { type ApiContext, callCluster } from "./context.ts";
import { type ObjectInputBody, objectSubmission } from "./object-input.ts";
import type { RequestView, SubmitAnswer, SubmitInput } from "./ports.ts";
import { flagOf, submitWaitOf } from "./query.ts";
import { json, route } from "./route.ts";
import { JOB_PARAMS, SUBMIT_BODY, SUBMIT_HEADERS, SUBMIT_QUERY } from "./schema.ts";
import { checkPairs, decodeUtf8, inputError, parseSubmission } from "./values.ts";
import { SUBMITTED, SUBMITTED_REQUEST } from "./view-schema.ts";

/** States in which nothing more happens. */
const ENDED: ReadonlySet<RequestView["state"]> = new Set(["succeeded", "failed", "cancelled"]);

interface SubmitCall {
  Params: { readonly workflow: string; readonly job: string };
  Body: {
    readonly arguments?: readonly unknown[];
    readonly input?: ObjectInputBody;
    readonly keep?: string;
    readonly wait?: string | number;
  };
  Querystring: { readonly wait?: string; readonly result?: string };
  Headers: { readonly "idempotency-key"?: string };
}

/** Bodies of this scope keep the order of the members of `arguments`. */
export function readArgumentsInOrder(app: FastifyInstance): void {
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser<Buffer>(
    "application/json",
    { parseAs: "buffer" },
    (_request, bytes, done) => {
      try {
        done(null, parseSubmission(decodeUtf8(bytes)));
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  );
}

/** Routes under `/v1`. */
export function submitRoutes(app: FastifyInstance, context: ApiContext): void {
  readArgumentsInOrder(app);
  app.post<SubmitCall>(
    "/workflows/:workflow/jobs/:job/requests",
    admitted(
      context,
      route(context.cluster, {
        summary:
          "Submits a job; with `wait`, in the query or the body, waits so many milliseconds for its end. With a result above 1 MiB it is answered as accepted.",
        tag: "requests",
        role: "submit",
        scope: { kind: "workflow" },
        params: JOB_PARAMS,
        body: SUBMIT_BODY,
        headers: SUBMIT_HEADERS,
        querystring: SUBMIT_QUERY,
        answers: {
          200: json("It was waited for and has ended.", SUBMITTED_REQUEST),
          202: json("It was accepted: a majority has it on disk.", {
            anyOf: [SUBMITTED, SUBMITTED_REQUEST],
          }),
        },
      }),
    ),
    (request, reply) => submit(context, request, reply),
  );
}

async function submit(
  context: ApiContext,
  request: FastifyRequest<SubmitCall>,
  reply: FastifyReply,
): Promise<SubmitAnswer | (RequestView & { readonly duplicate: boolean })> {
  const { params, query, body } = request;
  const waitMs = submitWaitOf({ query, body });
  const given = givenOf(body);
  // Before it is submitted: who is refused has changed nothing.
  if (waitMs > 0) context.inFlight.wait(request);
  const input: SubmitInput = {
    workflow: params.workflow,
    job: params.job,
    ...given,
    idempotencyKey: request.headers["idempotency-key"],
    keep: body.keep,
  };
  const accepted = await callCluster(context, request, {
    run: (options) => context.cluster.submit(input, options),
  });
  context.inFlight.bodyDone(request);
  reply.header("location", `/v1/requests/${encodeURIComponent(accepted.request)}`).code(202);
  const answer = { workflow: params.workflow, job: params.job, ...accepted };
  if (waitMs === 0) return answer;
  const view = await waitFor(context, request, {
    id: accepted.request,
    waitMs,
    withResult: flagOf(query.result, true),
  });
  if (view === undefined) return answer;
  reply.code(ENDED.has(view.state) ? 200 : 202);
  return { ...view, duplicate: accepted.duplicate };
}

/** Pairs for the first mapper, or sources to be listed. */
function givenOf({
  arguments: pairs = [],
  input,
}: SubmitCall["Body"]): Pick<SubmitInput, "arguments" | "objects"> {
  checkPairs(pairs);
  if (input === undefined) return { arguments: pairs };
  if (pairs.length > 0) throw inputError("arguments", "none beside `input`");
  return objectSubmission(input);
}

/** Undefined when the wait failed: the submission was acknowledged, and that must be said. */
async function waitFor(
  context: ApiContext,
  request: FastifyRequest<SubmitCall>,
  wait: { readonly id: string; readonly waitMs: number; readonly withResult: boolean },
): Promise<RequestView | undefined> {
  try {
    return await callCluster(context, request, {
      waitMs: wait.waitMs,
      run: (options) => context.cluster.request(wait.id, { ...wait, knowsPaused: false }, options),
    });
  } catch (error) {
    if (error instanceof JobxError) return undefined;
    throw error;
  }
}
