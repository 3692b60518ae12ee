/** Where the copies of files are, and whether they are whole. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import type {
  CopiesView,
  HealView,
  VerifyFileView,
  VerifyNodeView,
  WhereView,
} from "./copy-port.ts";
import { LIST_QUERY } from "./file-schema.ts";
import { list, NATURAL, nullable, object, oneOf, TEXT } from "./json-schema.ts";
import { NAMES_DEFAULT, NAMES_MAX, PATH_LENGTH_MAX } from "./limits.ts";
import { countOf } from "./query.ts";
import { json, route } from "./route.ts";
import { NODE_PARAMS, WORKFLOW_PARAMS } from "./schema.ts";

const TYPE = oneOf("file", "directory", "symlink");

const COPIES = object<CopiesView>("FileCopies", {
  ...{ blocks: NATURAL, bytes: NATURAL, copies: NATURAL, copiesWanted: NATURAL },
  ...{ stripes: NATURAL, parity: NATURAL },
  ...{ short: NATURAL, missing: NATURAL, lost: NATURAL },
  nodes: list(object<CopiesView["nodes"][number]>("NodeCopies", { node: TEXT, blocks: NATURAL })),
});

const WHERE = object<WhereView>("FileWhere", {
  path: TEXT,
  type: TYPE,
  entries: list(
    object<WhereView["entries"][number]>("WhereEntry", {
      ...{ name: TEXT, type: TYPE, copies: nullable(COPIES) },
    }),
  ),
  next: nullable(TEXT),
});

const HEALED = object<HealView>("FileHeal", {
  ...{ blocks: NATURAL, copied: NATURAL, copiedBytes: NATURAL },
  ...{ short: NATURAL, missing: NATURAL, lost: NATURAL, next: nullable(TEXT) },
});

const COUNTS = { blocks: NATURAL, bytes: NATURAL, damaged: NATURAL, repaired: NATURAL } as const;
const FILE_VERIFIED = object<VerifyFileView>("FileVerify", {
  ...{ ...COUNTS, missing: NATURAL, lost: NATURAL, silent: list(TEXT), next: nullable(NATURAL) },
});
const NODE_VERIFIED = object<VerifyNodeView>("NodeVerify", {
  ...{ node: TEXT, ...COUNTS, next: nullable(TEXT) },
});

const BLOCK_ID = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const YES_OR_NO = { type: "boolean" } as const;
const OPEN = { type: "object", additionalProperties: false } as const;

interface Workflow {
  readonly workflow: string;
}

/** Routes under `/v1`. */
export function copyRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const common = { tag: "files", scope: { kind: "workflow" }, params: WORKFLOW_PARAMS } as const;
  app.get<{
    Params: Workflow;
    Querystring: { readonly path: string; readonly limit?: string; readonly after?: string };
  }>(
    "/workflows/:workflow/fs/where",
    route(cluster, {
      ...{ ...common, role: "read", querystring: LIST_QUERY },
      summary: "On which nodes the blocks of a file are, or of the files of a page of a folder.",
      answers: { 200: json("The page.", WHERE) },
    }),
    (request) => {
      const { path, after, limit: said } = request.query;
      const bounds = { name: "limit", min: 1, max: NAMES_MAX, otherwise: NAMES_DEFAULT };
      const at = { ...request.params, path, after, limit: countOf(said, bounds) };
      return callCluster(context, request, { run: (options) => cluster.copies.where(at, options) });
    },
  );
  app.post<{ Params: Workflow; Body: { readonly after?: string } | null | undefined }>(
    "/workflows/:workflow/fs/heal",
    route(cluster, {
      ...{ ...common, role: "submit" },
      summary:
        "Copies what is short among the next blocks of the volume; `next` is `after` of the next call.",
      body: { ...OPEN, type: ["object", "null"], properties: { after: BLOCK_ID } },
      answers: { 200: json("What was done.", HEALED) },
    }),
    (request) => {
      const of = { ...request.params, after: request.body?.after };
      return callCluster(context, request, { run: (options) => cluster.copies.heal(of, options) });
    },
  );
  verifyRoutes(app, context);
}

function verifyRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.post<{
    Params: Workflow;
    Body: { readonly path: string; readonly from?: number; readonly repair?: boolean };
  }>(
    "/workflows/:workflow/fs/verify",
    route(cluster, {
      ...{ tag: "files", role: "submit", scope: { kind: "workflow" }, params: WORKFLOW_PARAMS },
      summary: "Reads all copies of the next blocks of a file; `next` is `from` of the next call.",
      body: {
        ...{ ...OPEN, required: ["path"] },
        properties: {
          path: { type: "string", maxLength: PATH_LENGTH_MAX },
          from: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
          repair: YES_OR_NO,
        },
      },
      answers: { 200: json("What was found.", FILE_VERIFIED) },
    }),
    (request) => {
      const { path, from = 0, repair = false } = request.body;
      const of = { ...request.params, path, from, repair };
      return callCluster(context, request, {
        run: (options) => cluster.copies.verifyFile(of, options),
      });
    },
  );
  app.post<{
    Params: { readonly node: string };
    Body: { readonly after?: string; readonly repair?: boolean } | null | undefined;
  }>(
    "/nodes/:node/verify",
    route(cluster, {
      ...{ tag: "cluster", role: "admin", scope: { kind: "cluster" }, params: NODE_PARAMS },
      summary: "Has a node read the next blocks of its store; `next` is `after` of the next call.",
      body: {
        ...OPEN,
        type: ["object", "null"],
        properties: { after: BLOCK_ID, repair: YES_OR_NO },
      },
      answers: { 200: json("What was found.", NODE_VERIFIED) },
    }),
    (request) => {
      const { after, repair = false } = request.body ?? {};
      const of = { ...request.params, after, repair };
      return callCluster(context, request, {
        run: (options) => cluster.copies.verifyNode(of, options),
      });
    },
  );
}
