/** Whole volumes: copies within one, and what it is asked to keep to. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { mayBeSilent } from "./long-call.ts";
import { treesFor } from "./own-files.ts";
import { json, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";
import type { VolumeCopy, VolumeSettings } from "./volume-port.ts";
import {
  COPY_ANSWER,
  COPY_BODY,
  KEY_BODY,
  KEY_RESTORED,
  VOLUME,
  VOLUME_BODY,
  VOLUME_KEY,
} from "./volume-schema.ts";

/** A token that is limited to workflows is held against the one in the path. */
const COMMON = { tag: "files", scope: { kind: "workflow" }, params: WORKFLOW_PARAMS } as const;

interface Workflow {
  readonly workflow: string;
}

/** Routes under `/v1`. */
export function volumeRoutes(app: FastifyInstance, context: ApiContext): void {
  copyRoute(app, context);
  settingRoutes(app, context);
  keyRoutes(app, context);
}

/** With POST alone: what comes back is not to be kept by anything on the way. */
function keyRoutes(app: FastifyInstance, context: ApiContext): void {
  const { volumes } = context.cluster;
  const admin = { ...COMMON, role: "admin" } as const;
  app.post<{ Params: Workflow }>(
    "/workflows/:workflow/fs/key/export",
    route(context.cluster, {
      ...admin,
      summary: "The key of a sealed volume. Who has it can read all its blocks: keep it safe.",
      answers: { 200: json("The key.", VOLUME_KEY) },
    }),
    (request, reply) => {
      reply.header("cache-control", "no-store");
      return callCluster(context, request, {
        run: (options) => volumes.exportKey(request.params, options),
      });
    },
  );
  app.post<{ Params: Workflow; Body: { readonly key: string } }>(
    "/workflows/:workflow/fs/key/restore",
    route(context.cluster, {
      ...admin,
      summary: "Gives a key that was exported to all nodes that lack it.",
      body: KEY_BODY,
      answers: { 200: json("How many nodes were given it.", KEY_RESTORED) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) => volumes.restoreKey({ ...request.params, ...request.body }, options),
      }),
  );
}

function copyRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  type Body = Pick<VolumeCopy, "from" | "to"> &
    Partial<Pick<VolumeCopy, "recursive" | "exclusive" | "parents">>;
  app.post<{ Params: Workflow; Body: Body }>(
    "/workflows/:workflow/fs/copy",
    route(cluster, {
      ...COMMON,
      summary:
        "Copies a file, or with `recursive` a folder, without moving content. A folder is seen whole or not at all.",
      role: "submit",
      body: COPY_BODY,
      answers: { 200: json("What was copied.", COPY_ANSWER) },
    }),
    (request, reply) => {
      const { from, to, recursive = false, exclusive = false, parents = false } = request.body;
      const copy = { ...request.params, from, to, recursive, exclusive, parents };
      mayBeSilent(request, reply);
      return callCluster(context, request, {
        run: (options) => treesFor(cluster, request).copy(copy, options),
      });
    },
  );
}

function settingRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get<{ Params: Workflow }>(
    "/workflows/:workflow/fs/volume",
    route(cluster, {
      ...COMMON,
      summary: "What the volume is asked to keep to, and what it holds.",
      role: "read",
      answers: { 200: json("The volume.", VOLUME) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) => cluster.volumes.show(request.params, options),
      }),
  );
  app.post<{
    Params: Workflow;
    Body: Partial<VolumeSettings> & { readonly revision?: number };
  }>(
    "/workflows/:workflow/fs/volume",
    route(cluster, {
      ...COMMON,
      summary: "Changes what is said of a volume's settings, and leaves the rest.",
      role: "admin",
      body: VOLUME_BODY,
      answers: { 200: json("The volume.", VOLUME) },
    }),
    (request) => {
      const { revision, ...settings } = request.body;
      const change = { ...request.params, revision, settings };
      return callCluster(context, request, {
        run: (options) => cluster.volumes.change(change, options),
      });
    },
  );
}
