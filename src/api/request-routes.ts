/** Requests: list, show, wait, attempts, cancel, resume. */
import type { FastifyInstance } from "fastify";
import { admitted } from "./admitted.ts";
import type { AttemptList } from "./attempt-view.ts";
import { type ApiContext, callCluster } from "./context.ts";
import { BOOLEAN, list, NATURAL, object, TEXT } from "./json-schema.ts";
import { ATTEMPTS_MAX, PAGE_DEFAULT, WAIT_MS_MAX } from "./limits.ts";
import type { RequestPage } from "./ports.ts";
import { countOf, type Expecting, flagOf, momentOf, revisionOf } from "./query.ts";
import { REQUEST_PLACES, type RequestPath, type RequestPlace } from "./request-places.ts";
import { resultRoute } from "./result-route.ts";
import { json, route, weaklyTagged } from "./route.ts";
import {
  LIMIT_QUERY,
  MATCH_HEADERS,
  OUTPUT_QUERY,
  PAGE_BOUNDS,
  PAGE_QUERY,
  RETRY_BODY,
  REVISION_BODY,
  REVISION_QUERY,
  SUBMIT_HEADERS,
  WAIT_QUERY,
  WORKFLOW_PARAMS,
} from "./schema.ts";
import { ATTEMPT, OUTPUT, REQUEST, REQUEST_LIST, SUBMITTED } from "./view-schema.ts";

const STATES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"] as const;

/** A token that is limited to workflows is held against that of the request. */
const OF_REQUEST = { kind: "request" } as const;

const ATTEMPTS = object<AttemptList>("Attempts", {
  attempts: list(ATTEMPT),
  truncated: BOOLEAN,
  forgotten: NATURAL,
});

/** Routes under `/v1`. */
export function requestRoutes(app: FastifyInstance, context: ApiContext): void {
  listRoute(app, context);
  for (const at of REQUEST_PLACES) {
    showRoutes(app, context, at);
    resultRoute(app, context, at);
    outputRoute(app, context, at);
    endRoutes(app, context, at);
    changeRoutes(app, context, at);
  }
}

/** With `If-Match`, `?revision=` or a body only the revision that the caller has seen is changed. */
interface ChangeCall extends Expecting {
  Params: RequestPath;
}

const CHANGING = {
  tag: "requests",
  role: "submit",
  scope: OF_REQUEST,
  querystring: REVISION_QUERY,
  headers: MATCH_HEADERS,
  body: REVISION_BODY,
} as const;

function changeRoutes(app: FastifyInstance, context: ApiContext, at: RequestPlace): void {
  const { cluster } = context;
  const change = {
    ...CHANGING,
    params: at.request,
    answers: { 200: json("The request as it is now.", REQUEST) },
  } as const;
  app.post<ChangeCall>(
    `${at.url}/cancel`,
    route(cluster, { ...change, summary: "Ends a request that has not ended." }),
    async (request, reply) => {
      const revision = revisionOf(request, request.body);
      const view = await callCluster(context, request, {
        run: (call) => cluster.cancel(request.params.request, revision, call),
      });
      return weaklyTagged(reply, view);
    },
  );
  app.post<ChangeCall>(
    `${at.url}/resume`,
    route(cluster, { ...change, summary: "Lets a paused request run again." }),
    async (request, reply) => {
      const revision = revisionOf(request, request.body);
      const view = await callCluster(context, request, {
        run: (call) => cluster.resume(request.params.request, revision, call),
      });
      return weaklyTagged(reply, view);
    },
  );
}

function listRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get<{
    Params: { readonly workflow: string };
    Querystring: PageQuery;
  }>(
    "/workflows/:workflow/requests",
    route(cluster, {
      summary: "Requests of a workflow, the newest first.",
      tag: "requests",
      role: "read",
      scope: { kind: "workflow" },
      params: WORKFLOW_PARAMS,
      querystring: PAGE_QUERY,
      answers: { 200: json("A page.", REQUEST_LIST) },
    }),
    (request) => {
      const page = toPage(request.query);
      return callCluster(context, request, {
        run: (options) => cluster.requests(request.params.workflow, page, options),
      });
    },
  );
}

interface PageQuery {
  readonly limit?: string;
  readonly before?: string;
  readonly state?: string;
  readonly job?: string;
  readonly since?: string;
  readonly until?: string;
}

function toPage(query: PageQuery): RequestPage {
  const states = query.state?.split(",");
  return {
    limit: countOf(query.limit, { name: "limit", ...PAGE_BOUNDS, otherwise: PAGE_DEFAULT }),
    before: query.before,
    states: states && STATES.filter((state) => states.includes(state)),
    job: query.job,
    sinceMs: momentOf("since", query.since),
    untilMs: momentOf("until", query.until),
  };
}

function showRoutes(app: FastifyInstance, context: ApiContext, at: RequestPlace): void {
  const { cluster } = context;
  const common = {
    tag: "requests",
    role: "read",
    scope: OF_REQUEST,
    params: at.request,
  } as const;
  app.get<{
    Params: RequestPath;
    Querystring: { readonly wait?: string; readonly result?: string; readonly known?: string };
  }>(
    at.url,
    route(cluster, {
      ...common,
      summary:
        "A request; with `wait`, when it has ended or is paused, or after so many milliseconds; with `known=paused`, not for a pause but when that is over; with `result=true`, its result unless that is above 1 MiB (RESULT_TOO_LARGE). Its revision is also in the header ETag, which is weak: it names the state, while the progress in the body may change.",
      querystring: WAIT_QUERY,
      answers: { 200: json("The request.", REQUEST) },
    }),
    async (request, reply) => {
      const { wait, result, known } = request.query;
      const waitMs = countOf(wait, { name: "wait", min: 0, max: WAIT_MS_MAX, otherwise: 0 });
      const knowsPaused = known === "paused";
      const input = { waitMs, withResult: flagOf(result, false), knowsPaused };
      const view = await callCluster(context, request, {
        waitMs,
        run: (options) => cluster.request(request.params.request, input, options),
      });
      return weaklyTagged(reply, view);
    },
  );
  app.get<{ Params: RequestPath; Querystring: { readonly limit?: string } }>(
    `${at.url}/attempts`,
    route(cluster, {
      ...common,
      summary:
        "The attempts of a request. `running`: a node has it, and runs it or will when a slot is free, which is known there alone; how many older ones that did not end well are not kept, `forgotten` says.",
      querystring: LIMIT_QUERY,
      answers: { 200: json("The attempts.", ATTEMPTS) },
    }),
    (request) => {
      const bounds = { name: "limit", min: 1, max: ATTEMPTS_MAX, otherwise: ATTEMPTS_MAX };
      const limit = countOf(request.query.limit, bounds);
      return callCluster(context, request, {
        run: (options) => cluster.attempts(request.params.request, { limit }, options),
      });
    },
  );
}

/** Bounded by what a node keeps of an attempt that runs; asked again and again by who follows it. */
function outputRoute(app: FastifyInstance, context: ApiContext, at: RequestPlace): void {
  const { cluster } = context;
  app.get<{
    Params: RequestPath & { readonly attempt: string };
    Querystring: { readonly stdout?: string; readonly stderr?: string };
  }>(
    `${at.url}/attempts/:attempt/output`,
    route(cluster, {
      summary:
        "What an attempt that is `running` has printed so far, by its name `live` in the list of attempts: the last 64 KiB of each stream, after as many bytes as `stdout` and `stderr` say.",
      tag: "requests",
      role: "read",
      scope: OF_REQUEST,
      params: at.attempt,
      querystring: OUTPUT_QUERY,
      answers: { 200: json("Parts of its streams.", OUTPUT) },
    }),
    (request) => {
      const { params, query } = request;
      const { stdout = "0", stderr = "0" } = query;
      const of = { attempt: params.attempt, stdout: Number(stdout), stderr: Number(stderr) };
      return callCluster(context, request, {
        run: (options) => cluster.output(params.request, of, options),
      });
    },
  );
}

function endRoutes(app: FastifyInstance, context: ApiContext, at: RequestPlace): void {
  const { cluster } = context;
  app.delete<ChangeCall>(
    at.url,
    route(cluster, {
      ...CHANGING,
      params: at.request,
      summary: "Deletes a request that has ended, with everything under it.",
      answers: {
        200: json("What was deleted.", object<RequestPath>("DeletedRequest", { request: TEXT })),
      },
    }),
    async (request) => {
      const id = request.params.request;
      const revision = revisionOf(request, request.body);
      await callCluster(context, request, {
        run: (options) => cluster.deleteRequest(id, revision, options),
      });
      return { request: id };
    },
  );
  app.post<{
    Params: RequestPath;
    Body: { readonly keep?: string } | null | undefined;
    Headers: { readonly "idempotency-key"?: string };
  }>(
    `${at.url}/retry`,
    admitted(
      context,
      route(cluster, {
        tag: "requests",
        role: "submit",
        scope: OF_REQUEST,
        params: at.request,
        body: RETRY_BODY,
        headers: SUBMIT_HEADERS,
        summary: "Submits once more what a request was given, to the definitions of now.",
        answers: { 202: json("The new request.", SUBMITTED) },
      }),
    ),
    async (request, reply) => {
      const input = {
        idempotencyKey: request.headers["idempotency-key"],
        keep: request.body?.keep,
      };
      const answer = await callCluster(context, request, {
        run: (options) => cluster.retry(request.params.request, input, options),
      });
      reply.header("location", `/v1/requests/${encodeURIComponent(answer.request)}`);
      return reply.code(202).send(answer);
    },
  );
}
