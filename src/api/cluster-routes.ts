/** The cluster and its nodes. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { list, object } from "./json-schema.ts";
import { json, route } from "./route.ts";
import { CLUSTER, NODE } from "./view-schema.ts";

/** Routes under `/v1`. */
export function clusterRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get(
    "/cluster",
    route(cluster, {
      summary:
        "The version of the cluster, what each member's program supports, and for whom a higher one waits.",
      tag: "cluster",
      role: "read",
      answers: { 200: json("The cluster, as this node has applied it.", CLUSTER) },
    }),
    () => cluster.clusterView(),
  );
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
}
