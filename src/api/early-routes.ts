/** Contents of files that come while they are still written: begun, sent in pieces, committed by `fs/inode/content`. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { hangUp, type StreamedBody } from "./file-body.ts";
import { contentGiven, numberOf, type Workflow } from "./inode-routes.ts";
import { NOTHING, PIECES_QUERY, UPLOAD_BEGUN, UPLOAD_BODY } from "./inode-schema.ts";
import { FILE_BODY_BYTES_MAX } from "./limits.ts";
import { json, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";

const ABOUT = { tag: "files", role: "submit", scope: { kind: "workflow" } } as const;

/** Routes under `/v1`. */
export function uploadRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const { inodes } = cluster;
  app.post<{ Params: Workflow }>(
    "/workflows/:workflow/fs/inode/upload",
    route(cluster, {
      ...{ ...ABOUT, params: WORKFLOW_PARAMS },
      summary:
        "Begins content that is sent while it is still written; null where the volume takes only whole contents.",
      answers: { 200: json("Its name at this node.", UPLOAD_BEGUN) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) => inodes.beginUpload(request.params, options),
      }),
  );
  app.post<{ Params: Workflow; Body: { readonly upload: string } }>(
    "/workflows/:workflow/fs/inode/upload/end",
    route(cluster, {
      ...{ ...ABOUT, params: WORKFLOW_PARAMS, body: UPLOAD_BODY },
      summary: "Ends such content: what no commit has named may go.",
      answers: { 200: json("Done.", NOTHING) },
    }),
    (request) => {
      const input = { ...request.params, ...request.body };
      return callCluster(context, request, { run: (options) => inodes.endUpload(input, options) });
    },
  );
}

/** In the scope of bodies of whatever type. */
export function piecesRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.put<{
    Params: Workflow;
    Querystring: {
      readonly upload: string;
      readonly at: string;
      readonly bytes: string;
      readonly staged?: string;
      readonly from?: string;
      readonly files?: string;
    };
    Body: StreamedBody;
  }>(
    "/workflows/:workflow/fs/inode/pieces",
    route(cluster, {
      ...{ ...ABOUT, params: WORKFLOW_PARAMS, querystring: PIECES_QUERY },
      summary:
        "Pieces of 1 MiB of such content, up to 8 at a time: the body is their bytes, or they are found where mounts and this node meet (fs/near): in one file, or as `files` for each piece, with commas between, which become blocks.",
      streamsBody: true,
      bodyLimit: FILE_BODY_BYTES_MAX,
      answers: { 200: json("They are durable.", NOTHING) },
    }),
    async (request, reply) => {
      const { upload, staged, from } = request.query;
      const at = numberOf("at", request.query.at);
      const bytes = numberOf("bytes", request.query.bytes);
      const files = request.query.files?.split(",");
      const given = { staged, from: numberOf("from", from), bytes, body: request.body };
      const content = contentGiven(context, given);
      try {
        return await callCluster(context, request, {
          run: (options) =>
            cluster.inodes.putPieces(
              { ...request.params, upload, at, bytes, files },
              content,
              options,
            ),
        });
      } catch (error) {
        hangUp(request, reply);
        throw error;
      }
    },
  );
}
