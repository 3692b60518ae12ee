/** What operators do to the cluster itself. All of it but looking wants a token of an admin. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { BOOLEAN, list, NATURAL, object, TEXT } from "./json-schema.ts";
import { TICKET_MS_DEFAULT } from "./limits.ts";
import type { CallOptions } from "./ports.ts";
import { json, type RouteText, route } from "./route.ts";
import {
  COLLECT_BODY,
  GROUP_PARAMS,
  NODE_PARAMS,
  READ_QUERY,
  RECOVER_BODY,
  TICKET_BODY,
  TICKET_PARAMS,
  TRANSFER_PARAMS,
} from "./schema.ts";
import { COLLECTED, GROUP, RECOVERY, REPLICA_STATE, TICKET, WANTING } from "./view-schema.ts";

const ADMIN = { tag: "cluster", role: "admin", scope: { kind: "cluster" } } as const;

/** What a ticket is answered with. */
interface TicketAnswer {
  readonly id: string;
  readonly ticket: string;
  readonly expiresMs: number;
  readonly uses: number;
}

/** Routes under `/v1`. */
export function adminRoutes(app: FastifyInstance, context: ApiContext): void {
  ticketRoutes(app, context);
  nodeRoutes(app, context);
  raftRoutes(app, context);
  replicaRoutes(app, context);
  collectRoutes(app, context);
}

function ticketRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const { admin } = cluster;
  app.post<{ Body: { readonly expiresMs?: number; readonly uses?: number } | null | undefined }>(
    "/tickets",
    route(cluster, {
      ...ADMIN,
      summary: "Makes a ticket with which nodes may join.",
      body: TICKET_BODY,
      answers: {
        201: json(
          "The ticket.",
          object<TicketAnswer>("NewTicket", {
            id: TEXT,
            ticket: TEXT,
            expiresMs: NATURAL,
            uses: NATURAL,
          }),
        ),
      },
    }),
    async (request, reply) => {
      const input = {
        expiresMs: request.body?.expiresMs ?? TICKET_MS_DEFAULT,
        uses: request.body?.uses ?? 1,
      };
      const made = await callCluster(context, request, {
        run: (options) => admin.createTicket(input, options),
      });
      return reply.code(201).send({ ...made, ...input });
    },
  );
  app.get(
    "/tickets",
    route(cluster, {
      ...ADMIN,
      summary:
        "The tickets that were made, without their secrets; with `stale`, by this node's own copy.",
      querystring: READ_QUERY,
      answers: {
        200: json("All.", object<{ tickets: unknown }>("Tickets", { tickets: list(TICKET) })),
      },
    }),
    async (request) => ({
      tickets: await callCluster(context, request, { run: (options) => admin.tickets(options) }),
    }),
  );
  app.delete<{ Params: { readonly ticket: string } }>(
    "/tickets/:ticket",
    route(cluster, {
      ...ADMIN,
      summary: "Revokes a ticket.",
      params: TICKET_PARAMS,
      answers: {
        200: json("Its id.", object<{ ticket: string }>("RevokedTicket", { ticket: TEXT })),
      },
    }),
    async (request) => {
      const { ticket } = request.params;
      await callCluster(context, request, {
        run: (options) => admin.revokeTicket(ticket, options),
      });
      return { ticket };
    },
  );
}

function nodeRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const { admin } = cluster;
  type OfNode = { Params: { readonly node: string } };
  const drain = (drained: boolean) => async (request: FastifyRequest<OfNode>) => {
    const { node } = request.params;
    await callCluster(context, request, {
      run: (options) => admin.drainNode(node, drained, options),
    });
    return { node, drained };
  };
  const drained = object<{ node: string; drained: boolean }>("DrainedNode", {
    node: TEXT,
    drained: BOOLEAN,
  });
  const about = (summary: string, answers: RouteText["answers"]): RouteText => ({
    ...ADMIN,
    params: NODE_PARAMS,
    summary,
    answers,
  });
  const keep = about("Keeps a node from new work and from leading.", { 200: json("So.", drained) });
  const again = about("Lets a node work and lead again.", { 200: json("So.", drained) });
  app.post<OfNode>("/nodes/:node/drain", route(cluster, keep), drain(true));
  app.post<OfNode>("/nodes/:node/undrain", route(cluster, again), drain(false));
  const removed = object<{ node: string }>("RemovedNode", { node: TEXT });
  app.delete<OfNode>(
    "/nodes/:node",
    route(cluster, about("Removes a node for ever.", { 200: json("Begun.", removed) })),
    async (request) => {
      const { node } = request.params;
      await callCluster(context, request, { run: (how) => admin.removeNode(node, how) });
      return { node };
    },
  );
}

function raftRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const { admin } = cluster;
  app.post<{
    Params: { readonly group: string };
    Body: { readonly acceptLoss?: boolean } | null | undefined;
  }>(
    "/raft/:group/recover",
    route(cluster, {
      ...ADMIN,
      summary: "Says what a group that lost its majority for good has left, or goes on with it.",
      params: GROUP_PARAMS,
      body: RECOVER_BODY,
      answers: { 200: json("What is left, and whether it was recovered.", RECOVERY) },
    }),
    (request) => {
      const input = { group: request.params.group, acceptLoss: request.body?.acceptLoss ?? false };
      return callCluster(context, request, { run: (how) => admin.recoverGroup(input, how) });
    },
  );
  app.get(
    "/raft",
    route(cluster, {
      tag: "cluster",
      role: "read",
      scope: { kind: "cluster" },
      summary: "The Raft groups as their leaders see them.",
      answers: {
        200: json("All.", object<{ groups: unknown }>("Groups", { groups: list(GROUP) })),
      },
    }),
    async (request) => ({
      groups: await callCluster(context, request, { run: (options) => admin.groups(options) }),
    }),
  );
  app.post<{ Params: { readonly group: string; readonly node: string } }>(
    "/raft/:group/leader/:node",
    route(cluster, {
      ...ADMIN,
      summary: "Hands the leadership of a group to a node.",
      params: TRANSFER_PARAMS,
      answers: {
        200: json(
          "Done.",
          object<{ group: string; node: string }>("Transferred", { group: TEXT, node: TEXT }),
        ),
      },
    }),
    async (request) => {
      const { group, node } = request.params;
      await callCluster(context, request, {
        run: (options) => admin.transfer({ group, node }, options),
      });
      return { group, node };
    },
  );
}

function replicaRoutes(app: FastifyInstance, { cluster }: ApiContext): void {
  app.get(
    "/raft/replicas",
    route(cluster, {
      tag: "cluster",
      role: "read",
      scope: { kind: "cluster" },
      summary:
        "The replicas of the node that answers, with a hash of all rows of each: equal at equal indexes.",
      answers: {
        200: json(
          "All.",
          object<{ replicas: unknown }>("ReplicaStates", { replicas: list(REPLICA_STATE) }),
        ),
      },
    }),
    () => ({ replicas: cluster.admin.replicas() }),
  );
}

function collectRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get(
    "/blocks/wanting",
    route(cluster, {
      ...{ tag: "cluster", role: "read", scope: { kind: "cluster" } },
      summary: "Which volumes have had blocks with too few copies, and since when.",
      answers: { 200: json("What lasts.", WANTING) },
    }),
    (request) => {
      const run = (options: CallOptions) => cluster.admin.wantingBlocks(options);
      return callCluster(context, request, { run });
    },
  );
  app.post<{ Body: { readonly dryRun?: boolean } | null | undefined }>(
    "/blocks/collect",
    route(cluster, {
      ...ADMIN,
      summary: "Has each node delete blocks that nothing refers to and whose time has come.",
      body: COLLECT_BODY,
      answers: {
        200: json(
          "What it came to at each node.",
          object<{ nodes: unknown }>("CollectedBlocks", { nodes: list(COLLECTED) }),
        ),
      },
    }),
    async (request) => {
      const dryRun = request.body?.dryRun === true;
      const run = (options: CallOptions) => cluster.admin.collectBlocks({ dryRun }, options);
      return { nodes: await callCluster(context, request, { run }) };
    },
  );
}
