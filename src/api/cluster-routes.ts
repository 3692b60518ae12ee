/** Nodes and the tickets that let them in. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster, requireRole } from "./context.ts";
import { TICKET_MS_DEFAULT } from "./limits.ts";
import { TICKET_BODY } from "./schema.ts";

/** Routes under `/v1`. */
export function clusterRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get("/nodes", { onRequest: requireRole(cluster, "read") }, async (request) => ({
    nodes: await callCluster(context, request, { run: (options) => cluster.nodes(options) }),
  }));
  app.post<{ Body: { readonly expiresMs?: number; readonly uses?: number } | null | undefined }>(
    "/tickets",
    { onRequest: requireRole(cluster, "admin"), schema: { body: TICKET_BODY } },
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
