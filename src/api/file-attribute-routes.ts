/** Extended attributes of a workflow's files, by path. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import type { AttributeChange } from "./file-port.ts";
import { ATTRIBUTE_SET_BODY, FILE_ATTRIBUTES, FILE_CHANGE, READ_QUERY } from "./file-schema.ts";
import { filesFor } from "./own-files.ts";
import { json, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";

/** A token that is limited to workflows is held against the one in the path. */
const OF_WORKFLOW = { kind: "workflow" } as const;
const COMMON = { tag: "files", scope: OF_WORKFLOW, params: WORKFLOW_PARAMS } as const;

interface Workflow {
  readonly workflow: string;
}

/** Routes under `/v1`. */
export function fileAttributeRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get<{
    Params: Workflow;
    Querystring: { readonly path: string; readonly snapshot?: string };
  }>(
    "/workflows/:workflow/fs/attributes",
    route(cluster, {
      ...COMMON,
      summary: "The extended attributes of what a path leads to; values are base64.",
      role: "read",
      querystring: READ_QUERY,
      answers: { 200: json("The attributes.", FILE_ATTRIBUTES) },
    }),
    (request) => {
      const at = { ...request.params, ...request.query };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).attributes(at, options),
      });
    },
  );
  app.post<{
    Params: Workflow;
    Body: Omit<AttributeChange, "workflow" | "over"> & Partial<Pick<AttributeChange, "over">>;
  }>(
    "/workflows/:workflow/fs/attribute",
    route(cluster, {
      ...COMMON,
      summary:
        "Sets an extended attribute of what a path leads to, or takes it away where its value is null. Its name begins with `user.`.",
      role: "submit",
      body: ATTRIBUTE_SET_BODY,
      answers: { 200: json("Done.", FILE_CHANGE) },
    }),
    (request) => {
      const { path, name, value, over = "any" } = request.body;
      const change = { ...request.params, path, name, value, over };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).setAttribute(change, options),
      });
    },
  );
}
