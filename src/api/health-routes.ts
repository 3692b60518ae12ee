/** Whether this node lives and can serve; metrics. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, requireRole } from "./context.ts";

/** `/healthz` and `/readyz` need no token: whoever may reach the port may ask whether it works. */
export function healthRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get("/healthz", () => ({ status: "ok" }));
  app.get("/readyz", (_request, reply) => {
    const state = context.cluster.ready();
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  app.get("/metrics", { onRequest: requireRole(context.cluster, "read") }, (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(context.cluster.metrics()),
  );
}
