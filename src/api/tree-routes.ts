/** Whole folders of a workflow's volume, as tar archives. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { contentOf, hangUp, type StreamedBody } from "./file-body.ts";
import { READ_QUERY, TREE_PUT, TREE_QUERY } from "./file-schema.ts";
import { FILE_BODY_BYTES_MAX } from "./limits.ts";
import { filesFor } from "./own-files.ts";
import { flagOf } from "./query.ts";
import { json, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";

const TAR_TYPE = "application/x-tar";

/** A token that is limited to workflows is held against the one in the path. */
const OF_WORKFLOW = { kind: "workflow" } as const;

interface Workflow {
  readonly workflow: string;
}

/** Under `/v1`. */
export function treeReadRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get<{
    Params: Workflow;
    Querystring: { readonly path: string; readonly snapshot?: string };
  }>(
    "/workflows/:workflow/fs/tree",
    route(cluster, {
      summary:
        "A folder with all below it as a tar archive, sorted by name. One that fails is cut off, before its end mark.",
      tag: "files",
      role: "read",
      scope: OF_WORKFLOW,
      params: WORKFLOW_PARAMS,
      querystring: READ_QUERY,
      answers: { 200: { description: "The archive.", schema: undefined, type: TAR_TYPE } },
    }),
    async (request, reply) => {
      const at = { ...request.params, ...request.query };
      const archive = await callCluster(context, request, {
        run: (options) => filesFor(cluster, request).openTree(at, options),
      });
      reply.type(TAR_TYPE);
      if (request.method === "HEAD") return reply.send(Readable.from([]));
      return reply.send(Readable.from(archive, { objectMode: false, highWaterMark: 1 }));
    },
  );
}

/** Under `/v1`, in a scope in which bodies of whatever type are handed on as they come. */
export function treePutRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.put<{
    Params: Workflow;
    Querystring: { readonly path: string; readonly atomic?: string };
    Body: StreamedBody;
  }>(
    "/workflows/:workflow/fs/tree",
    route(cluster, {
      summary:
        "Unpacks a tar archive, the body, below a folder. What came before a failure stays, and the error counts it; with `atomic` nothing is seen before all of it is there.",
      tag: "files",
      role: "submit",
      scope: OF_WORKFLOW,
      params: WORKFLOW_PARAMS,
      querystring: TREE_QUERY,
      streamsBody: true,
      bodyLimit: FILE_BODY_BYTES_MAX,
      answers: { 200: json("What was put.", TREE_PUT) },
    }),
    async (request, reply) => {
      const { path, atomic } = request.query;
      const input = { ...request.params, path, atomic: flagOf(atomic, false) };
      try {
        return await callCluster(context, request, {
          run: (options) =>
            filesFor(cluster, request).putTree(input, contentOf(request.body), options),
        });
      } catch (error) {
        hangUp(request, reply);
        throw error;
      }
    },
  );
}
