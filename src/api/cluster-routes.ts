/** Nodes and the tickets that let them in. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { list, NATURAL, object, TEXT } from "./json-schema.ts";
import { TICKET_MS_DEFAULT } from "./limits.ts";
import { json, route } from "./route.ts";
import { TICKET_BODY } from "./schema.ts";
import { NODE } from "./view-schema.ts";

/** What a ticket is answered with. */
interface TicketAnswer {
  readonly ticket: string;
  readonly expiresMs: number;
  readonly uses: number;
}

/** Routes under `/v1`. */
export function clusterRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get(
    "/nodes",
    route(cluster, {
      summary: "The nodes of the cluster.",
      tag: "cluster",
      role: "read",
      answers: { 200: json("All.", object<{ nodes: unknown }>("Nodes", { nodes: list(NODE) })) },
    }),
    async (request) => ({
      nodes: await callCluster(context, request, { run: (options) => cluster.nodes(options) }),
    }),
  );
  app.post<{ Body: { readonly expiresMs?: number; readonly uses?: number } | null | undefined }>(
    "/tickets",
    route(cluster, {
      summary: "Makes a ticket with which nodes may join.",
      tag: "cluster",
      role: "admin",
      scope: { kind: "cluster" },
      body: TICKET_BODY,
      answers: {
        201: json(
          "The ticket.",
          object<TicketAnswer>("Ticket", { ticket: TEXT, expiresMs: NATURAL, uses: NATURAL }),
        ),
      },
    }),
    async (request, reply) => {
      const input = {
        expiresMs: request.body?.expiresMs ?? TICKET_MS_DEFAULT,
        uses: request.body?.uses ?? 1,
      };
      const ticket = await callCluster(context, request, {
        run: (options) => cluster.createTicket(input, options),
      });
      return reply.code(201).send({ ticket, ...input });
    },
  );
}
