/** Tokens: make, list, revoke. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import type { Role } from "./errors.ts";
import { list, object, TEXT } from "./json-schema.ts";
import { json, route } from "./route.ts";
import { READ_QUERY, TOKEN_BODY, TOKEN_PARAMS } from "./schema.ts";
import { NEW_TOKEN, TOKEN } from "./view-schema.ts";

/** What `POST /v1/tokens` takes. */
interface TokenBody {
  readonly name?: string;
  readonly role: Role;
  readonly workflows?: readonly string[] | null;
}

/** Routes under `/v1`. */
export function tokenRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const common = { tag: "cluster", role: "admin", scope: { kind: "cluster" } } as const;
  app.get(
    "/tokens",
    route(cluster, {
      ...common,
      summary:
        "The tokens of the cluster, without their texts; with `stale`, by this node's own copy.",
      querystring: READ_QUERY,
      answers: {
        200: json("All.", object<{ tokens: unknown }>("Tokens", { tokens: list(TOKEN) })),
      },
    }),
    async (request) => ({
      tokens: await callCluster(context, request, { run: (options) => cluster.tokens(options) }),
    }),
  );
  app.post<{ Body: TokenBody }>(
    "/tokens",
    route(cluster, {
      ...common,
      summary: "Makes a token; its text is told in this answer only.",
      body: TOKEN_BODY,
      answers: { 201: json("The token.", NEW_TOKEN) },
    }),
    async (request, reply) => {
      const { name = "", role, workflows = null } = request.body;
      const token = await callCluster(context, request, {
        run: (options) => cluster.createToken({ name, role, workflows }, options),
      });
      return reply.code(201).send(token);
    },
  );
  app.delete<{ Params: { readonly token: string } }>(
    "/tokens/:token",
    route(cluster, {
      ...common,
      summary: "Revokes a token: it is good for nothing from now on.",
      params: TOKEN_PARAMS,
      answers: { 200: json("Its id.", object<{ id: string }>("RevokedToken", { id: TEXT })) },
    }),
    async (request) => {
      const id = request.params.token;
      await callCluster(context, request, { run: (options) => cluster.revokeToken(id, options) });
      return { id };
    },
  );
}
