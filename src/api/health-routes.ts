/** Whether this node lives and can serve; metrics; what the API is. */
import type { FastifyInstance } from "fastify";
import type { ApiContext } from "./context.ts";
import { BOOLEAN, list, object, oneOf, TEXT } from "./json-schema.ts";
import type { ClusterPort } from "./ports.ts";
import { json, route } from "./route.ts";

const READY = object<ReturnType<ClusterPort["ready"]>>("Ready", {
  ready: BOOLEAN,
  reason: TEXT,
  reasons: list(object<{ code: string; message: string }>("Reason", { code: TEXT, message: TEXT })),
  warnings: list(
    object<{ code: string; message: string }>("Warning", { code: TEXT, message: TEXT }),
  ),
  durability: oneOf("sync", "none"),
});

/** `/healthz` and `/readyz` need no token: whoever may reach the port may ask whether it works. */
export function healthRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get(
    "/healthz",
    route(cluster, {
      summary: "Whether the process answers.",
      tag: "health",
      role: null,
      answers: { 200: json("It does.", object<{ status: string }>("Health", { status: TEXT })) },
    }),
    () => ({ status: "ok" }),
  );
  app.get(
    "/readyz",
    route(cluster, {
      summary: "Whether this node can serve, and if not, why.",
      tag: "health",
      role: null,
      answers: { 200: json("It can.", READY), 503: json("It cannot now.", READY) },
    }),
    (_request, reply) => {
      const state = cluster.ready();
      return reply.code(state.ready ? 200 : 503).send(state);
    },
  );
  app.get(
    "/metrics",
    route(cluster, {
      summary: "Figures of this node for Prometheus.",
      tag: "health",
      role: "read",
      answers: { 200: { description: "Text.", schema: undefined, type: "text/plain" } },
    }),
    async (_request, reply) => {
      const text = await cluster.metrics();
      return reply.type("text/plain; version=0.0.4; charset=utf-8").send(text);
    },
  );
  app.get(
    "/openapi.json",
    route(cluster, {
      summary: "This document.",
      tag: "health",
      role: null,
      answers: { 200: json("OpenAPI 3.1.", { type: "object" }) },
    }),
    () => context.document(),
  );
}
