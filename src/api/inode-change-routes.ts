/** Changing inodes of a workflow's volume, and the names that lead to them. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import type { InodePort } from "./inode-port.ts";
import {
  ATTRIBUTE_BODY,
  INODE_CHANGE,
  INODE_LINK_BODY,
  INODE_MKDIR_BODY,
  INODE_RENAME_BODY,
  INODE_RESERVE_BODY,
  INODE_SET_BODY,
  INODE_SYMLINK_BODY,
  INODE_UNLINK_BODY,
  RESERVED,
} from "./inode-schema.ts";
import type { JsonSchema } from "./json-schema.ts";
import { json, type RouteParts, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";

/** Routes under `/v1`. */
export function inodeChangeRoutes(app: FastifyInstance, context: ApiContext): void {
  makeRoutes(app, context);
  nameRoutes(app, context);
  inodeOnlyRoutes(app, context);
}

/** What a method takes beside the workflow, which is in the path. */
interface Change<Method extends keyof InodePort> {
  Params: { readonly workflow: string };
  Body: Omit<Parameters<InodePort[Method]>[0], "workflow">;
}

function at(name: string): string {
  return `/workflows/:workflow/fs/inode/${name}`;
}

/** What a route that changes something says about itself. */
function changing(
  { cluster }: ApiContext,
  about: { readonly summary: string; readonly body: JsonSchema; readonly answer: JsonSchema },
): RouteParts {
  const { summary, body, answer } = about;
  return route(cluster, {
    ...{ tag: "files", role: "submit", scope: { kind: "workflow" }, params: WORKFLOW_PARAMS },
    ...{ summary, body, answers: { 200: json("Done.", answer) } },
  });
}

function makeRoutes(app: FastifyInstance, context: ApiContext): void {
  const { inodes } = context.cluster;
  app.post<Change<"mkdir">>(
    at("mkdir"),
    changing(context, {
      summary: "Makes a folder in a folder.",
      ...{ body: INODE_MKDIR_BODY, answer: INODE_CHANGE },
    }),
    (request) => {
      const input = { ...request.body, ...request.params };
      return callCluster(context, request, { run: (options) => inodes.mkdir(input, options) });
    },
  );
  app.post<Change<"symlink">>(
    at("symlink"),
    changing(context, {
      summary: "Makes a symbolic link in a folder.",
      ...{ body: INODE_SYMLINK_BODY, answer: INODE_CHANGE },
    }),
    (request) => {
      const input = { ...request.body, ...request.params };
      return callCluster(context, request, { run: (options) => inodes.symlink(input, options) });
    },
  );
  app.post<Change<"link">>(
    at("link"),
    changing(context, {
      summary: "Gives an inode another name.",
      ...{ body: INODE_LINK_BODY, answer: INODE_CHANGE },
    }),
    (request) => {
      const input = { ...request.body, ...request.params };
      return callCluster(context, request, { run: (options) => inodes.link(input, options) });
    },
  );
}

function nameRoutes(app: FastifyInstance, context: ApiContext): void {
  const { inodes } = context.cluster;
  app.post<Change<"unlink">>(
    at("unlink"),
    changing(context, {
      summary: "Takes a name away; with `folder` that of an empty folder.",
      ...{ body: INODE_UNLINK_BODY, answer: INODE_CHANGE },
    }),
    (request) => {
      const input = { ...request.body, ...request.params };
      return callCluster(context, request, { run: (options) => inodes.unlink(input, options) });
    },
  );
  app.post<Change<"rename">>(
    at("rename"),
    changing(context, {
      summary: "Moves a name, over what rename(2) would replace, or with `exclusive` over nothing.",
      ...{ body: INODE_RENAME_BODY, answer: INODE_CHANGE },
    }),
    (request) => {
      const input = { ...request.body, ...request.params };
      return callCluster(context, request, { run: (options) => inodes.rename(input, options) });
    },
  );
}

function inodeOnlyRoutes(app: FastifyInstance, context: ApiContext): void {
  const { inodes } = context.cluster;
  app.post<Change<"reserve">>(
    at("reserve"),
    changing(context, {
      summary: "Reserves numbers of inodes, for files that get their names with their content.",
      ...{ body: INODE_RESERVE_BODY, answer: RESERVED },
    }),
    (request) => {
      const input = { ...request.body, ...request.params };
      return callCluster(context, request, { run: (options) => inodes.reserve(input, options) });
    },
  );
  app.post<Change<"set">>(
    at("set"),
    changing(context, {
      summary: "Changes the mode or the time of an inode.",
      ...{ body: INODE_SET_BODY, answer: INODE_CHANGE },
    }),
    (request) => {
      const input = { ...request.body, ...request.params };
      return callCluster(context, request, { run: (options) => inodes.set(input, options) });
    },
  );
  app.post<Change<"setAttribute">>(
    at("attribute"),
    changing(context, {
      summary: "Sets an extended attribute of an inode, or takes it away where its value is null.",
      ...{ body: ATTRIBUTE_BODY, answer: INODE_CHANGE },
    }),
    (request) => {
      const input = { ...request.body, ...request.params };
      return callCluster(context, request, {
        run: (options) => inodes.setAttribute(input, options),
      });
    },
  );
}
