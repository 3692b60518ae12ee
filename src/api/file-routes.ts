/** The files of a workflow: content in and out as streams. Names are in `file-name-routes.ts`. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { carPutRoute, carReadRoute } from "./car-routes.ts";
import { type ApiContext, callCluster } from "./context.ts";
import { piecesRoute, uploadRoutes } from "./early-routes.ts";
import { fileAttributeRoutes } from "./file-attribute-routes.ts";
import { contentOf, hangUp, type StreamedBody } from "./file-body.ts";
import { fileNameRoutes } from "./file-name-routes.ts";
import type { FileRange, OpenFile } from "./file-port.ts";
import { digestOf, expectationOf, names, rangeOf, tagOf } from "./file-range.ts";
import {
  FILE_HEADERS,
  FILE_PUT,
  PUT_QUERY,
  READ_FILE_HEADERS,
  READ_FILE_QUERY,
} from "./file-schema.ts";
import { inodeChangeRoutes } from "./inode-change-routes.ts";
import { commitRoute, inodeRoutes } from "./inode-routes.ts";
import { FILE_BODY_BYTES_MAX } from "./limits.ts";
import { filesFor } from "./own-files.ts";
import { flagOf, versionAt } from "./query.ts";
import { json, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";
import { snapshotRoutes } from "./snapshot-routes.ts";
import { treePutRoute, treeReadRoute } from "./tree-routes.ts";
import { volumeRoutes } from "./volume-routes.ts";

const BYTES_TYPE = "application/octet-stream";

/** A token that is limited to workflows is held against the one in the path. */
const OF_WORKFLOW = { kind: "workflow" } as const;

interface FilePath {
  readonly workflow: string;
}

interface Reading {
  readonly Params: FilePath;
  readonly Querystring: {
    readonly path: string;
    readonly snapshot?: string;
    readonly version?: string;
  };
}

/** Routes under `/v1`. */
export function fileRoutes(app: FastifyInstance, context: ApiContext): void {
  readRoute(app, context);
  treeReadRoute(app, context);
  carReadRoute(app, context);
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, handOn) => handOn(null, payload));
    putRoute(scope, context);
    treePutRoute(scope, context);
    carPutRoute(scope, context);
    commitRoute(scope, context);
    piecesRoute(scope, context);
    done();
  });
  fileNameRoutes(app, context);
  fileAttributeRoutes(app, context);
  inodeRoutes(app, context);
  inodeChangeRoutes(app, context);
  uploadRoutes(app, context);
  volumeRoutes(app, context);
  snapshotRoutes(app, context);
}

function readRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get<Reading>(
    "/workflows/:workflow/fs/file",
    route(cluster, {
      summary:
        "The bytes of a file, or with Range some of them. The tag is the content id. A stream that fails is cut off.",
      tag: "files",
      role: "read",
      scope: OF_WORKFLOW,
      params: WORKFLOW_PARAMS,
      querystring: READ_FILE_QUERY,
      headers: READ_FILE_HEADERS,
      answers: {
        200: { description: "All bytes.", schema: undefined, type: BYTES_TYPE },
        206: { description: "The bytes of the range.", schema: undefined, type: BYTES_TYPE },
        304: { description: "The caller has them.", schema: undefined, type: BYTES_TYPE },
      },
    }),
    async (request, reply) => {
      const at = versionAt(request.params, request.query);
      const file = await callCluster(context, request, {
        run: (options) => filesFor(cluster, request).open(at, options),
      });
      return sendFile(file, { context, request, reply });
    },
  );
}

async function sendFile(
  file: OpenFile,
  {
    context,
    request,
    reply,
  }: {
    readonly context: ApiContext;
    readonly request: FastifyRequest<Reading>;
    readonly reply: FastifyReply;
  },
): Promise<FastifyReply> {
  const { bytes, cid, mtime } = file.view;
  const tag = tagOf(cid);
  const { "if-none-match": noneMatch, "if-range": ifRange, range: wanted } = request.headers;
  if (tag !== undefined) reply.header("etag", tag);
  reply
    .header("last-modified", new Date(mtime).toUTCString())
    .header("accept-ranges", "bytes")
    .type(BYTES_TYPE);
  if (names(noneMatch, tag)) return reply.code(304).send();
  // Who has bytes of other content wants all of this one.
  const isSame = ifRange === undefined || (tag !== undefined && ifRange.toString() === tag);
  let range: FileRange | undefined;
  try {
    range = isSame ? rangeOf(wanted, bytes) : undefined;
  } catch (error) {
    reply.header("content-range", `bytes */${bytes}`);
    throw error;
  }
  const { from, to } = range ?? { from: 0, to: bytes };
  reply.header("content-length", to - from);
  if (range !== undefined)
    reply.code(206).header("content-range", `bytes ${from}-${to - 1}/${bytes}`);
  if (request.method === "HEAD" || from === to) return reply.send(Readable.from([]));
  const slices = await callCluster(context, request, { run: () => file.read({ from, to }) });
  return reply.send(Readable.from(slices, { objectMode: false, highWaterMark: 1 }));
}

/** In a scope in which bodies of whatever type are handed on as they come. */
function putRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.put<{
    Params: FilePath;
    Querystring: { readonly path: string; readonly mode?: string; readonly parents?: string };
    Headers: {
      readonly "if-match"?: string;
      readonly "if-none-match"?: string;
      readonly "content-digest"?: string;
    };
    Body: StreamedBody;
  }>(
    "/workflows/:workflow/fs/file",
    route(cluster, {
      summary:
        "Puts a file: the body is its bytes, of any length. Nothing is seen of it before all of it is on its nodes.",
      tag: "files",
      role: "submit",
      scope: OF_WORKFLOW,
      params: WORKFLOW_PARAMS,
      querystring: PUT_QUERY,
      headers: FILE_HEADERS,
      streamsBody: true,
      bodyLimit: FILE_BODY_BYTES_MAX,
      answers: {
        200: json(
          "The file; `copies` says on how many nodes its blocks are, where fewer are up than the volume asks for.",
          FILE_PUT,
        ),
      },
    }),
    async (request, reply) => {
      const { workflow } = request.params;
      const { path, mode, parents } = request.query;
      const expect = expectationOf(request.headers);
      const bits = mode === undefined ? undefined : Number.parseInt(mode, 8);
      const sha256 = digestOf(request.headers["content-digest"]);
      const how = { expect, mode: bits, parents: flagOf(parents, false), sha256 };
      const input = { workflow, path, ...how };
      try {
        const put = await callCluster(context, request, {
          run: (options) => filesFor(cluster, request).put(input, contentOf(request.body), options),
        });
        reply.header("etag", `"${put.cid}"`);
        return put;
      } catch (error) {
        hangUp(request, reply);
        throw error;
      }
    },
  );
}
