/** Snapshots of a workflow's folders. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { FILE_QUERY } from "./file-schema.ts";
import { NAMES_DEFAULT, NAMES_MAX } from "./limits.ts";
import { mayBeSilent } from "./long-call.ts";
import { countOf } from "./query.ts";
import { json, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";
import type { Restore } from "./snapshot-port.ts";
import {
  HISTORY,
  RESTORE_BODY,
  SNAPSHOT,
  SNAPSHOT_BODY,
  SNAPSHOT_LIST,
  SNAPSHOT_PARAMS,
  SNAPSHOTS_QUERY,
} from "./snapshot-schema.ts";
import { inputError } from "./values.ts";
import { COPY_ANSWER } from "./volume-schema.ts";

/** A token that is limited to workflows is held against the one in the path. */
const COMMON = { tag: "files", scope: { kind: "workflow" } } as const;

interface Workflow {
  readonly workflow: string;
}

type RestoreBody = Pick<Restore, "path" | "to"> &
  Partial<Pick<Restore, "snapshot" | "replace">> & { readonly version?: number };

/** Routes under `/v1`. */
export function snapshotRoutes(app: FastifyInstance, context: ApiContext): void {
  changeRoutes(app, context);
  lookRoutes(app, context);
  historyRoute(app, context);
}

function changeRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const common = { ...COMMON, role: "submit" } as const;
  app.post<{ Params: Workflow; Body: { readonly path: string; readonly name?: string } }>(
    "/workflows/:workflow/fs/snapshots",
    route(cluster, {
      ...common,
      summary:
        "Takes a snapshot of a folder, as it is at one moment. No content is moved; the names in it count for the quota.",
      params: WORKFLOW_PARAMS,
      body: SNAPSHOT_BODY,
      answers: { 200: json("What was taken.", SNAPSHOT) },
    }),
    (request, reply) => {
      const { path, name } = request.body;
      const at = { ...request.params, path, name };
      mayBeSilent(request, reply);
      return callCluster(context, request, {
        run: (options) => cluster.snapshots.take(at, options),
      });
    },
  );
  app.post<{ Params: Workflow; Body: RestoreBody }>(
    "/workflows/:workflow/fs/restore",
    route(cluster, {
      ...common,
      summary:
        "Copies a file or folder out of a `snapshot`, seen whole or not at all, with `replace` in place of what is there; or brings a `version` of a file back. One of both is said.",
      params: WORKFLOW_PARAMS,
      body: RESTORE_BODY,
      answers: { 200: json("What was brought back.", COPY_ANSWER) },
    }),
    (request, reply) => {
      const { snapshot, version, path, to, replace = false } = request.body;
      const at = { ...request.params, path, to };
      if (snapshot !== undefined && version === undefined) {
        mayBeSilent(request, reply);
        return callCluster(context, request, {
          run: (options) => cluster.snapshots.restore({ ...at, snapshot, replace }, options),
        });
      }
      if (version === undefined || snapshot !== undefined) {
        throw inputError("body", "either a snapshot or a version");
      }
      return callCluster(context, request, {
        run: (options) => cluster.snapshots.restoreVersion({ ...at, version }, options),
      });
    },
  );
  app.delete<{ Params: Workflow & { readonly snapshot: string } }>(
    "/workflows/:workflow/fs/snapshots/:snapshot",
    route(cluster, {
      ...common,
      summary: "Removes a snapshot.",
      params: SNAPSHOT_PARAMS,
      answers: { 200: json("What it was.", SNAPSHOT) },
    }),
    (request) => {
      const { workflow, snapshot: name } = request.params;
      return callCluster(context, request, {
        run: (options) => cluster.snapshots.remove({ workflow, name }, options),
      });
    },
  );
}

function lookRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const common = { ...COMMON, role: "read" } as const;
  app.get<{
    Params: Workflow;
    Querystring: { readonly limit?: string; readonly after?: string };
  }>(
    "/workflows/:workflow/fs/snapshots",
    route(cluster, {
      ...common,
      summary:
        "A page of snapshots, in the order of their names; `next` is `after` of the next one.",
      params: WORKFLOW_PARAMS,
      querystring: SNAPSHOTS_QUERY,
      answers: { 200: json("The page.", SNAPSHOT_LIST) },
    }),
    (request) => {
      const { limit: said, after } = request.query;
      const bounds = { name: "limit", min: 1, max: NAMES_MAX, otherwise: NAMES_DEFAULT };
      const at = { ...request.params, after, limit: countOf(said, bounds) };
      return callCluster(context, request, {
        run: (options) => cluster.snapshots.list(at, options),
      });
    },
  );
  app.get<{ Params: Workflow & { readonly snapshot: string } }>(
    "/workflows/:workflow/fs/snapshots/:snapshot",
    route(cluster, {
      ...common,
      summary: "A snapshot, by its name or CID.",
      params: SNAPSHOT_PARAMS,
      answers: { 200: json("What it is.", SNAPSHOT) },
    }),
    (request) => {
      const { workflow, snapshot: name } = request.params;
      return callCluster(context, request, {
        run: (options) => cluster.snapshots.show({ workflow, name }, options),
      });
    },
  );
}

function historyRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get<{ Params: Workflow; Querystring: { readonly path: string } }>(
    "/workflows/:workflow/fs/history",
    route(cluster, {
      ...COMMON,
      role: "read",
      summary:
        "What a path held before, newest first, as far as the volume's settings have it kept; the file may be gone.",
      params: WORKFLOW_PARAMS,
      querystring: FILE_QUERY,
      answers: { 200: json("The versions.", HISTORY) },
    }),
    (request) => {
      const at = { ...request.params, ...request.query };
      return callCluster(context, request, {
        run: (options) => cluster.snapshots.history(at, options),
      });
    },
  );
}
