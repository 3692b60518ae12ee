/** Files and folders of a workflow's volume as content archives (CAR), in and out as streams. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { contentOf, hangUp, type StreamedBody } from "./file-body.ts";
import { FILE_QUERY, READ_QUERY } from "./file-schema.ts";
import { FILE_BODY_BYTES_MAX } from "./limits.ts";
import { treesFor } from "./own-files.ts";
import { json, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";
import { CAR_ANSWER } from "./volume-schema.ts";

const CAR_TYPE = "application/vnd.ipld.car";

/** A token that is limited to workflows is held against the one in the path. */
const OF_WORKFLOW = { kind: "workflow" } as const;
const PLACE = { scope: OF_WORKFLOW, params: WORKFLOW_PARAMS };
const COMMON = { tag: "files", ...PLACE } as const;

interface Car {
  Params: { readonly workflow: string };
  Querystring: { readonly path: string; readonly snapshot?: string };
}

/** Under `/v1`. */
export function carReadRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get<Car>(
    "/workflows/:workflow/fs/car",
    route(cluster, {
      ...COMMON,
      summary:
        "A file or folder as a content archive (CAR, version 1). The tag is its root, as IPFS computes it. One that fails is cut off.",
      role: "read",
      querystring: READ_QUERY,
      answers: { 200: { description: "The archive.", schema: undefined, type: CAR_TYPE } },
    }),
    async (request, reply) => {
      const at = { ...request.params, ...request.query };
      const { cid, archive } = await callCluster(context, request, {
        run: (options) => treesFor(cluster, request).openCar(at, options),
      });
      reply.type(CAR_TYPE).header("etag", `"${cid}"`);
      if (request.method === "HEAD") return reply.send(Readable.from([]));
      return reply.send(Readable.from(archive, { objectMode: false, highWaterMark: 1 }));
    },
  );
}

/** Under `/v1`, in a scope in which bodies of whatever type are handed on as they come. */
export function carPutRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.put<Car & { Body: StreamedBody }>(
    "/workflows/:workflow/fs/car",
    route(cluster, {
      ...COMMON,
      summary:
        "Takes a content archive, the body, in. Every block is verified, and nothing is seen before all of it is there.",
      role: "submit",
      querystring: FILE_QUERY,
      streamsBody: true,
      bodyLimit: FILE_BODY_BYTES_MAX,
      answers: { 200: json("What was put.", CAR_ANSWER) },
    }),
    async (request, reply) => {
      const input = { ...request.params, path: request.query.path };
      try {
        return await callCluster(context, request, {
          run: (options) =>
            treesFor(cluster, request).importCar(input, contentOf(request.body), options),
        });
      } catch (error) {
        hangUp(request, reply);
        throw error;
      }
    },
  );
}
