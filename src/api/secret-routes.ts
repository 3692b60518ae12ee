/** Secrets of a workflow: set, list, remove. No route tells a value. */
import type { FastifyInstance } from "fastify";
import { type ApiContext, callCluster } from "./context.ts";
import { json, route } from "./route.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";
import type { SecretAt } from "./secret-port.ts";
import {
  PUBLIC_KEY,
  SECRET,
  SECRET_BODY,
  SECRET_PARAMS,
  SECRET_REMOVED,
  SECRETS,
} from "./secret-schema.ts";

/** Whoever may define a workflow's handlers can have them print its secrets, so this wants no less. */
const COMMON = { tag: "workflows", role: "admin", scope: { kind: "workflow" } } as const;

/** Routes under `/v1`. */
export function secretRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  sealRoute(app, context);
  app.get<{ Params: { readonly workflow: string } }>(
    "/workflows/:workflow/secrets",
    route(cluster, {
      ...COMMON,
      summary: "The names of a workflow's secrets, never their values.",
      params: WORKFLOW_PARAMS,
      answers: { 200: json("All.", SECRETS) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) => cluster.secrets.list(request.params, options),
      }),
  );
  app.put<{ Params: SecretAt; Body: { readonly value: string } }>(
    "/workflows/:workflow/secrets/:name",
    route(cluster, {
      ...COMMON,
      summary: "Sets a secret, in the place of the value that it had.",
      params: SECRET_PARAMS,
      body: SECRET_BODY,
      answers: { 200: json("What is told of it.", SECRET) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) =>
          cluster.secrets.set({ ...request.params, value: request.body.value }, options),
      }),
  );
  app.delete<{ Params: SecretAt }>(
    "/workflows/:workflow/secrets/:name",
    route(cluster, {
      ...COMMON,
      summary: "Removes a secret.",
      params: SECRET_PARAMS,
      answers: { 200: json("Which one.", SECRET_REMOVED) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) => cluster.secrets.remove(request.params, options),
      }),
  );
}

/** With POST, since the key is made where there is none. */
function sealRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.post<{ Params: { readonly workflow: string } }>(
    "/workflows/:workflow/seal/key",
    route(cluster, {
      ...COMMON,
      role: "submit",
      summary: "The public key for which arguments of a workflow are sealed.",
      params: WORKFLOW_PARAMS,
      answers: { 200: json("The key.", PUBLIC_KEY) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) => cluster.secrets.publicKey(request.params, options),
      }),
  );
}
