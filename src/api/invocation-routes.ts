/** The invocations of a request. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { INVOCATION, INVOCATION_LIST } from "./invocation-schema.ts";
import type { InvocationPage } from "./invocation-view.ts";
import { PAGE_DEFAULT } from "./limits.ts";
import { countOf, flagOf } from "./query.ts";
import { REQUEST_PLACES, type RequestPath, type RequestPlace } from "./request-places.ts";
import { json, route } from "./route.ts";
import { INVOCATION_QUERY, INVOCATIONS_QUERY, PAGE_BOUNDS } from "./schema.ts";

const STATES = ["waiting", "running", "done", "failed", "cancelled"] as const;

interface PageQuery {
  readonly limit?: string;
  readonly after?: string;
  readonly parent?: string;
  readonly step?: string;
  readonly state?: string;
}

/** Routes under `/v1`. */
export function invocationRoutes(app: FastifyInstance, context: ApiContext): void {
  for (const place of REQUEST_PLACES) {
    listRoute(app, context, place);
    showRoute(app, context, place);
  }
}

const COMMON = { tag: "requests", role: "read", scope: { kind: "request" } } as const;

function listRoute(app: FastifyInstance, context: ApiContext, at: RequestPlace): void {
  const { cluster } = context;
  app.get<{ Params: RequestPath; Querystring: PageQuery }>(
    `${at.url}/invocations`,
    route(cluster, {
      ...COMMON,
      summary:
        "The invocations of a request, each parent's side by side, children before reductions; with `parent`, those of one. A page that is cut off says where to go on (`after`), also where few fit. `waiting`: no node has it; `running`: one has, and runs it or will when a slot is free; `attempts` is null where older ones are not kept and the number is not known.",
      params: at.request,
      querystring: INVOCATIONS_QUERY,
      answers: { 200: json("A page.", INVOCATION_LIST) },
    }),
    (request) => {
      const page = toPage(request.query);
      return callCluster(context, request, {
        run: (options) => cluster.invocations.list(request.params.request, page, options),
      });
    },
  );
}

function showRoute(app: FastifyInstance, context: ApiContext, at: RequestPlace): void {
  const { cluster } = context;
  app.get<{
    Params: RequestPath & { readonly invocation: string };
    Querystring: { readonly input?: string; readonly output?: string };
  }>(
    `${at.url}/invocations/:invocation`,
    route(cluster, {
      ...COMMON,
      summary:
        "An invocation: what it ran on, what it made, and why it failed; with `input=true` and `output=true` with the pairs, unless they are above 1 MiB (RESULT_TOO_LARGE).",
      params: at.invocation,
      querystring: INVOCATION_QUERY,
      answers: { 200: json("The invocation.", INVOCATION) },
    }),
    (request) => {
      const { params, query } = request;
      const withInput = flagOf(query.input, false);
      const withOutput = flagOf(query.output, false);
      const of = { invocation: params.invocation, withInput, withOutput };
      return callCluster(context, request, {
        run: (options) => cluster.invocations.show(params.request, of, options),
      });
    },
  );
}

function toPage(query: PageQuery): InvocationPage {
  const { after, parent, step } = query;
  const states = query.state?.split(",");
  const limit = countOf(query.limit, { name: "limit", ...PAGE_BOUNDS, otherwise: PAGE_DEFAULT });
  return {
    ...{ limit, after, parent, step },
    states: states && STATES.filter((state) => states.includes(state)),
  };
}
