/** The result of a request as a stream: however large it is, a node holds a page of it. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import type { RequestPath, RequestPlace } from "./request-places.ts";
import { linesBody, objectBody } from "./result-text.ts";
import { json, route } from "./route.ts";
import { READ_QUERY } from "./schema.ts";
import { RESULT } from "./view-schema.ts";

/** A pair on a line, for readers that take them one at a time. */
const LINES_TYPE = "application/x-ndjson";

/** `GET …/result` of a request. A stream that fails is cut off, so that nobody takes it for whole. */
export function resultRoute(app: FastifyInstance, context: ApiContext, at: RequestPlace): void {
  const { cluster } = context;
  app.get<{ Params: RequestPath }>(
    `${at.url}/result`,
    route(cluster, {
      summary: `The pairs of a result of any size; as one JSON object, or with Accept: ${LINES_TYPE} a pair on each line.`,
      tag: "requests",
      role: "read",
      scope: { kind: "request" },
      params: at.request,
      querystring: READ_QUERY,
      answers: { 200: json("All pairs, in order.", RESULT) },
    }),
    async (request, reply) => {
      const pages = await callCluster(context, request, {
        run: (options) => cluster.result(request.params.request, options),
      });
      const asLines = request.headers.accept?.includes(LINES_TYPE) ?? false;
      const type = asLines ? LINES_TYPE : "application/json";
      const body = asLines ? linesBody(pages) : objectBody(pages, { before: "", after: "" });
      return reply.type(`${type}; charset=utf-8`).send(body);
    },
  );
}
