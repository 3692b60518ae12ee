/** Inodes of a workflow's volume: looking at them, their blocks, and new content for them. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { CallOptions } from "./call-options.ts";
import { type ApiContext, callCluster } from "./context.ts";
import { apiError } from "./errors.ts";
import { contentOf, hangUp, type StreamedBody } from "./file-body.ts";
import {
  ATTRIBUTES,
  BLOCK_LIST,
  BLOCK_QUERY,
  BLOCKS_QUERY,
  CHANGES_QUERY,
  COMMIT_QUERY,
  INODE_COMMITTED,
  INODE_LIST,
  INODE_LIST_QUERY,
  INODE_QUERY,
  INODE_VIEW,
  LOOK_QUERY,
  NEAR_ANSWER,
  OPEN_INODE,
  OPEN_QUERY,
  VOLUME_CHANGES,
  VOLUME_USE,
} from "./inode-schema.ts";
import type { JsonSchema } from "./json-schema.ts";
import {
  BLOCK_BYTES_MAX,
  FILE_BODY_BYTES_MAX,
  NAMES_DEFAULT,
  NAMES_MAX,
  WAIT_MS_MAX,
} from "./limits.ts";
import { principalOf } from "./principal.ts";
import { countOf, flagOf } from "./query.ts";
import { json, type RouteParts, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";

export interface Workflow {
  readonly workflow: string;
}

/** Routes under `/v1`. */
export function inodeRoutes(app: FastifyInstance, context: ApiContext): void {
  lookRoutes(app, context);
  changesRoute(app, context);
  blockRoutes(app, context);
}

/** What a route that reads says about itself. */
function reading(
  { cluster }: ApiContext,
  about: { readonly summary: string; readonly query: JsonSchema; readonly answer: JsonSchema },
): RouteParts {
  return route(cluster, {
    ...{ tag: "files", role: "read", scope: { kind: "workflow" }, params: WORKFLOW_PARAMS },
    summary: about.summary,
    querystring: about.query,
    answers: { 200: json("What it is.", about.answer) },
  });
}

export function numberOf(name: string, value: string | undefined): number {
  return countOf(value, { name, min: 0, max: Number.MAX_SAFE_INTEGER, otherwise: 0 });
}

function microsOf(text: string): number {
  const { MIN_SAFE_INTEGER: min, MAX_SAFE_INTEGER: max } = Number;
  return countOf(text, { name: "mtimeMicros", min, max, otherwise: 0 });
}

/** Where a name is, if both parts of it are said. */
function placeOf(query: {
  readonly parent?: string;
  readonly name?: string;
}): { readonly parent: number; readonly name: string } | undefined {
  const { parent, name } = query;
  if (parent === undefined || name === undefined) return undefined;
  return { parent: numberOf("parent", parent), name };
}

function lookRoutes(app: FastifyInstance, context: ApiContext): void {
  const { inodes } = context.cluster;
  app.get<{ Params: Workflow; Querystring: { readonly inode: string; readonly name?: string } }>(
    "/workflows/:workflow/fs/inode",
    reading(context, {
      summary: "An inode, or what a name in it leads to. Links are not followed.",
      ...{ query: LOOK_QUERY, answer: INODE_VIEW },
    }),
    (request) => {
      const { inode, name } = request.query;
      const at = { ...request.params, inode: numberOf("inode", inode), name };
      return callCluster(context, request, { run: (options) => inodes.look(at, options) });
    },
  );
  app.get<{
    Params: Workflow;
    Querystring: { readonly inode: string; readonly limit?: string; readonly after?: string };
  }>(
    "/workflows/:workflow/fs/inode/list",
    reading(context, {
      summary: "A page of a folder by its inode; `next` is `after` of the next one.",
      ...{ query: INODE_LIST_QUERY, answer: INODE_LIST },
    }),
    (request) => {
      const { inode, after, limit: said } = request.query;
      const bounds = { name: "limit", min: 1, max: NAMES_MAX, otherwise: NAMES_DEFAULT };
      const limit = countOf(said, bounds);
      const at = { ...request.params, inode: numberOf("inode", inode), after, limit };
      return callCluster(context, request, { run: (options) => inodes.list(at, options) });
    },
  );
  app.get<{ Params: Workflow; Querystring: { readonly inode: string } }>(
    "/workflows/:workflow/fs/inode/attributes",
    reading(context, {
      summary: "The extended attributes of an inode; values are base64.",
      ...{ query: INODE_QUERY, answer: ATTRIBUTES },
    }),
    (request) => {
      const at = { ...request.params, inode: numberOf("inode", request.query.inode) };
      return callCluster(context, request, { run: (options) => inodes.attributes(at, options) });
    },
  );
  app.get<{ Params: Workflow }>(
    "/workflows/:workflow/fs/space",
    reading(context, {
      summary: "What the volume uses and may use.",
      query: { type: "object", additionalProperties: false, properties: {} },
      answer: VOLUME_USE,
    }),
    (request) =>
      callCluster(context, request, { run: (options) => inodes.space(request.params, options) }),
  );
  app.get<{ Params: Workflow }>(
    "/workflows/:workflow/fs/near",
    reading(context, {
      summary:
        "Where mounts on this node's machine may meet it on the disk; null where they may not.",
      query: { type: "object", additionalProperties: false, properties: {} },
      answer: NEAR_ANSWER,
    }),
    async (request) => {
      const run = (options: CallOptions) => inodes.near(request.params, options);
      return { near: (await callCluster(context, request, { run })) ?? null };
    },
  );
}

function changesRoute(app: FastifyInstance, context: ApiContext): void {
  app.get<{
    Params: Workflow;
    Querystring: {
      readonly after?: string;
      readonly wait?: string;
      readonly mount?: string;
      readonly ends?: string;
    };
  }>(
    "/workflows/:workflow/fs/changes",
    reading(context, {
      summary:
        "What changed in the volume after a number, or from now on; waits for so many milliseconds.",
      ...{ query: CHANGES_QUERY, answer: VOLUME_CHANGES },
    }),
    (request) => {
      const { after, wait, mount, ends } = request.query;
      const waitMs = countOf(wait, { name: "wait", min: 0, max: WAIT_MS_MAX, otherwise: 0 });
      // Others would wait for it: whoever may change nothing must not hold those up that do.
      const isHeard = principalOf(request).role !== "read";
      const of = {
        ...{ ...request.params, waitMs, ends: flagOf(ends, false) },
        after: after === undefined ? undefined : numberOf("after", after),
        mount: isHeard ? mount : undefined,
      };
      return callCluster(context, request, {
        waitMs,
        run: (options) => context.cluster.inodes.changes(of, options),
      });
    },
  );
}

function blockRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const { inodes } = cluster;
  app.get<{
    Params: Workflow;
    Querystring: { readonly inode: string; readonly parent?: string; readonly name?: string };
  }>(
    "/workflows/:workflow/fs/inode/open",
    reading(context, {
      summary: "A file with its blocks; refused where the name that is said leads elsewhere.",
      ...{ query: OPEN_QUERY, answer: OPEN_INODE },
    }),
    (request) => {
      const { inode } = request.query;
      const place = placeOf(request.query);
      const at = { ...request.params, inode: numberOf("inode", inode), place };
      return callCluster(context, request, { run: (options) => inodes.open(at, options) });
    },
  );
  app.get<{ Params: Workflow; Querystring: { readonly list: string; readonly part: string } }>(
    "/workflows/:workflow/fs/inode/blocks",
    reading(context, {
      summary: "One part of a long list of blocks.",
      ...{ query: BLOCKS_QUERY, answer: BLOCK_LIST },
    }),
    (request) => {
      const { list, part } = request.query;
      const numbers = { list: numberOf("list", list), part: numberOf("part", part) };
      const at = { ...request.params, ...numbers };
      return callCluster(context, request, { run: (options) => inodes.blocks(at, options) });
    },
  );
  app.get<{
    Params: Workflow;
    Querystring: { readonly cid: string; readonly bytes: string; readonly plain?: string };
  }>(
    "/workflows/:workflow/fs/block",
    route(cluster, {
      summary:
        "The content of a block of a file, by its sha256; with `plain` of a sealed one, which is opened.",
      ...{ tag: "files", role: "read", scope: { kind: "workflow" }, params: WORKFLOW_PARAMS },
      querystring: BLOCK_QUERY,
      answers: {
        200: { description: "All bytes.", schema: undefined, type: "application/octet-stream" },
      },
    }),
    async (request, reply) => {
      const { cid, plain = null } = request.query;
      const bounds = { name: "bytes", min: 1, max: BLOCK_BYTES_MAX, otherwise: 1 };
      const bytes = countOf(request.query.bytes, bounds);
      const slices = await callCluster(context, request, {
        run: (options) => inodes.block({ ...request.params, cid, bytes, plain }, options),
      });
      reply.header("content-length", bytes).type("application/octet-stream");
      return reply.send(Readable.from(slices, { objectMode: false, highWaterMark: 1 }));
    },
  );
}

/** What the body says, or a file that is near; never more than was said. */
export function contentGiven(
  { cluster }: ApiContext,
  given: {
    readonly staged: string | undefined;
    readonly from?: number;
    readonly bytes: number | undefined;
    readonly body: StreamedBody;
  },
): AsyncIterable<Uint8Array> {
  const { staged, from = 0, bytes, body } = given;
  if (staged !== undefined) return cluster.inodes.staged({ staged, from, bytes: bytes ?? 0 });
  return bytes === undefined ? contentOf(body) : ofLength(contentOf(body), bytes);
}

/** @throws {JobxError} `API_INPUT_INVALID` when it is of another length. */
async function* ofLength(
  content: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = bytes;
  for await (const part of content) {
    left -= part.length;
    if (left < 0) break;
    yield part;
  }
  if (left === 0) return;
  const expected = `content of ${bytes} bytes`;
  throw apiError(
    { code: "API_INPUT_INVALID", path: "body", expected },
    `the body is no ${expected}`,
  );
}

/** In the scope of bodies of whatever type. */
export function commitRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.put<{
    Params: Workflow;
    Querystring: {
      readonly inode: string;
      readonly parent?: string;
      readonly name?: string;
      readonly exclusive?: string;
      readonly mode?: string;
      readonly mtimeMicros?: string;
      readonly staged?: string;
      readonly bytes?: string;
      readonly upload?: string;
    };
    Body: StreamedBody;
  }>(
    "/workflows/:workflow/fs/inode/content",
    route(cluster, {
      summary:
        "New content for an inode, or with a name for a new one whose number was reserved: the body is its bytes, or they are found where mounts and this node meet (fs/near), or came before, under `upload`.",
      ...{ tag: "files", role: "submit", scope: { kind: "workflow" }, params: WORKFLOW_PARAMS },
      querystring: COMMIT_QUERY,
      streamsBody: true,
      bodyLimit: FILE_BODY_BYTES_MAX,
      answers: { 200: json("The file with its new blocks.", INODE_COMMITTED) },
    }),
    async (request, reply) => {
      const { inode, mode, mtimeMicros, exclusive, staged, bytes, upload } = request.query;
      const input = {
        ...{ ...request.params, inode: numberOf("inode", inode), place: placeOf(request.query) },
        exclusive: flagOf(exclusive, false),
        mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
        mtimeMicros: mtimeMicros === undefined ? undefined : microsOf(mtimeMicros),
        bytes: bytes === undefined ? undefined : numberOf("bytes", bytes),
        upload,
      };
      const content = contentGiven(context, { staged, bytes: input.bytes, body: request.body });
      try {
        return await callCluster(context, request, {
          run: (options) => cluster.inodes.commit(input, content, options),
        });
      } catch (error) {
        hangUp(request, reply);
        throw error;
      }
    },
  );
}
