/** Names of a workflow's files: looking at them, and changing them. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import {
  FILE,
  FILE_CHANGE,
  FILE_LIST,
  LINK_BODY,
  LIST_QUERY,
  MKDIR_BODY,
  REMOVE_BODY,
  RENAME_BODY,
  STAT_QUERY,
  SYMLINK_BODY,
} from "./file-schema.ts";
import type { JsonSchema } from "./json-schema.ts";
import { NAMES_DEFAULT, NAMES_MAX } from "./limits.ts";
import { filesFor } from "./own-files.ts";
import { countOf, flagOf, versionAt } from "./query.ts";
import { json, type RouteParts, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";

/** A token that is limited to workflows is held against the one in the path. */
const OF_WORKFLOW = { kind: "workflow" } as const;

interface Workflow {
  readonly workflow: string;
}

/** Routes under `/v1`. */
export function fileNameRoutes(app: FastifyInstance, context: ApiContext): void {
  lookRoutes(app, context);
  folderRoutes(app, context);
  publishRoute(app, context);
  linkRoutes(app, context);
}

function lookRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const place = { scope: OF_WORKFLOW, params: WORKFLOW_PARAMS };
  const common = { tag: "files", role: "read", ...place } as const;
  app.get<{
    Params: Workflow;
    Querystring: {
      readonly path: string;
      readonly follow?: string;
      readonly snapshot?: string;
      readonly version?: string;
    };
  }>(
    "/workflows/:workflow/fs/stat",
    route(cluster, {
      ...common,
      summary: "A file, folder or symbolic link; with `follow` what the link leads to.",
      querystring: STAT_QUERY,
      answers: { 200: json("What it is.", FILE) },
    }),
    (request) => {
      const at = versionAt(request.params, request.query);
      const follow = flagOf(request.query.follow, false);
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).stat({ ...at, follow }, options),
      });
    },
  );
  app.get<{
    Params: Workflow;
    Querystring: {
      readonly path: string;
      readonly limit?: string;
      readonly after?: string;
      readonly snapshot?: string;
    };
  }>(
    "/workflows/:workflow/fs/list",
    route(cluster, {
      ...common,
      summary:
        "A page of a folder, in the order of the bytes of the names; `next` is `after` of the next one.",
      querystring: LIST_QUERY,
      answers: { 200: json("The page.", FILE_LIST) },
    }),
    (request) => {
      const { path, after, limit: said, snapshot } = request.query;
      const bounds = { name: "limit", min: 1, max: NAMES_MAX, otherwise: NAMES_DEFAULT };
      const at = { ...request.params, path, snapshot, after, limit: countOf(said, bounds) };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).list(at, options),
      });
    },
  );
}

/** What a route that changes names says about itself. */
function changing(
  { cluster }: ApiContext,
  about: { readonly summary: string; readonly body: JsonSchema },
): RouteParts {
  return route(cluster, {
    tag: "files",
    role: "submit",
    scope: OF_WORKFLOW,
    params: WORKFLOW_PARAMS,
    ...about,
    answers: { 200: json("Done.", FILE_CHANGE) },
  });
}

function folderRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.post<{
    Params: Workflow;
    Body: { readonly path: string; readonly parents?: boolean };
  }>(
    "/workflows/:workflow/fs/mkdir",
    changing(context, {
      summary:
        "Makes a folder; with `parents` also those on the way, and one that is there is as good.",
      body: MKDIR_BODY,
    }),
    (request) => {
      const { path, parents = false } = request.body;
      const at = { ...request.params, path, parents };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).mkdir(at, options),
      });
    },
  );
  app.post<{
    Params: Workflow;
    Body: { readonly path: string; readonly recursive?: boolean };
  }>(
    "/workflows/:workflow/fs/remove",
    changing(context, {
      summary:
        "Removes a file, link or empty folder; with `recursive` also all that lies under it.",
      body: REMOVE_BODY,
    }),
    (request) => {
      const { path, recursive = false } = request.body;
      const at = { ...request.params, path, recursive };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).remove(at, options),
      });
    },
  );
  app.post<{
    Params: Workflow;
    Body: {
      readonly from: string;
      readonly to: string;
      readonly exclusive?: boolean;
      readonly parents?: boolean;
    };
  }>(
    "/workflows/:workflow/fs/rename",
    changing(context, {
      summary:
        "Moves a file or folder, over what rename(2) would replace, or with `exclusive` over nothing.",
      body: RENAME_BODY,
    }),
    (request) => {
      const { from, to, exclusive = false, parents = false } = request.body;
      const move = { ...request.params, from, to, exclusive, parents };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).rename(move, options),
      });
    },
  );
}

function publishRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.post<{ Params: Workflow; Body: { readonly from: string; readonly to: string } }>(
    "/workflows/:workflow/fs/publish",
    changing(context, {
      summary:
        "Moves a file or folder over whatever is there. A handler's leaves its workspace, and is there with the end of its attempt.",
      body: LINK_BODY,
    }),
    (request) => {
      const move = { ...request.params, ...request.body };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).publish(move, options),
      });
    },
  );
}

function linkRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.post<{ Params: Workflow; Body: { readonly from: string; readonly to: string } }>(
    "/workflows/:workflow/fs/link",
    changing(context, { summary: "Gives a file another name.", body: LINK_BODY }),
    (request) => {
      const move = { ...request.params, ...request.body };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).link(move, options),
      });
    },
  );
  app.post<{ Params: Workflow; Body: { readonly path: string; readonly target: string } }>(
    "/workflows/:workflow/fs/symlink",
    changing(context, { summary: "Makes a symbolic link.", body: SYMLINK_BODY }),
    (request) => {
      const at = { ...request.params, ...request.body };
      return callCluster(context, request, {
        run: (options) => filesFor(cluster, request).symlink(at, options),
      });
    },
  );
}
