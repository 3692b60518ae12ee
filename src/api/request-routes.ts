/** Requests: list, show, wait, attempts, cancel, resume. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster, requireRole } from "./context.ts";
import { ATTEMPTS_MAX, PAGE_DEFAULT, WAIT_MS_MAX } from "./limits.ts";
import { countOf, flagOf } from "./query.ts";
import {
  LIMIT_QUERY,
  PAGE_BOUNDS,
  PAGE_QUERY,
  REQUEST_PARAMS,
  WAIT_QUERY,
  WORKFLOW_PARAMS,
} from "./schema.ts";

interface RequestPath {
  readonly request: string;
}

/** Routes under `/v1`. */
export function requestRoutes(app: FastifyInstance, context: ApiContext): void {
  readRoutes(app, context);
  const { cluster } = context;
  const options = {
    onRequest: requireRole(cluster, "submit"),
    schema: { params: REQUEST_PARAMS },
  };
  app.post<{ Params: RequestPath }>("/requests/:request/cancel", options, (request) =>
    callCluster(context, request, {
      run: (call) => cluster.cancel(request.params.request, call),
    }),
  );
  app.post<{ Params: RequestPath }>("/requests/:request/resume", options, (request) =>
    callCluster(context, request, {
      run: (call) => cluster.resume(request.params.request, call),
    }),
  );
}

function readRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const onRequest = requireRole(cluster, "read");
  app.get<{
    Params: { readonly workflow: string };
    Querystring: { readonly limit?: string; readonly before?: string };
  }>(
    "/workflows/:workflow/requests",
    { onRequest, schema: { params: WORKFLOW_PARAMS, querystring: PAGE_QUERY } },
    async (request) => {
      const { limit, before } = request.query;
      const page = {
        limit: countOf(limit, { name: "limit", ...PAGE_BOUNDS, otherwise: PAGE_DEFAULT }),
        before,
      };
      const requests = await callCluster(context, request, {
        run: (options) => cluster.requests(request.params.workflow, page, options),
      });
      return { requests };
    },
  );
  app.get<{
    Params: RequestPath;
    Querystring: { readonly wait?: string; readonly result?: string };
  }>(
    "/requests/:request",
    { onRequest, schema: { params: REQUEST_PARAMS, querystring: WAIT_QUERY } },
    (request) => {
      const { wait, result } = request.query;
      const waitMs = countOf(wait, { name: "wait", min: 0, max: WAIT_MS_MAX, otherwise: 0 });
      const input = { waitMs, withResult: flagOf(result, false) };
      return callCluster(context, request, {
        waitMs,
        run: (options) => cluster.request(request.params.request, input, options),
      });
    },
  );
  app.get<{ Params: RequestPath; Querystring: { readonly limit?: string } }>(
    "/requests/:request/attempts",
    { onRequest, schema: { params: REQUEST_PARAMS, querystring: LIMIT_QUERY } },
    (request) => {
      const bounds = { name: "limit", min: 1, max: ATTEMPTS_MAX, otherwise: ATTEMPTS_MAX };
      const limit = countOf(request.query.limit, bounds);
      return callCluster(context, request, {
        run: (options) => cluster.attempts(request.params.request, { limit }, options),
      });
    },
  );
}
