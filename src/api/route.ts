/**
 * Routes as data. What a route takes and answers is said once: Fastify checks what comes in by it,
 * and `/openapi.json` is made of it, so the two cannot differ.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { assert } from "../std/assert.ts";
import type { Role } from "./errors.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { ClusterPort } from "./ports.ts";
import { type RouteTag, requireRole, type Scope } from "./principal.ts";
import { requireItsWorkflow } from "./request-places.ts";

/** One kind of answer. */
export interface RouteAnswer {
  readonly description: string;
  /** Undefined for a type that is not JSON. */
  readonly schema: JsonSchema | undefined;
  /** Default `application/json`. */
  readonly type?: string;
}

/** What a route says about itself. */
export interface RouteText {
  readonly summary: string;
  /** The area it belongs to. */
  readonly tag: RouteTag;
  /** The weakest role that may call it; null for everybody who reaches the port. */
  readonly role: Role | null;
  readonly scope?: Scope;
  /** By status. Errors are the same everywhere and need not be said. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  readonly params?: JsonSchema;
  readonly querystring?: JsonSchema;
  readonly headers?: JsonSchema;
  readonly body?: JsonSchema;
  /** The body is bytes of any type, which the handler reads as they come; not together with `body`. */
  readonly streamsBody?: true;
  readonly bodyLimit?: number;
}

/** A route with where it is. */
export interface DescribedRoute extends RouteText {
  readonly method: string;
  /** With `:name` for parameters. */
  readonly url: string;
}

declare module "fastify" {
  interface FastifyContextConfig {
    readonly about?: RouteText;
  }
}

/** What `about` comes to for Fastify. */
export interface RouteParts {
  readonly onRequest: (request: FastifyRequest) => Promise<void>;
  readonly preHandler: (request: FastifyRequest) => Promise<void>;
  readonly schema: Readonly<Record<string, JsonSchema>>;
  readonly config: { readonly about: RouteText };
  readonly bodyLimit?: number;
}

/** The options of a route. */
export function route(cluster: ClusterPort, about: RouteText): RouteParts {
  const {
    role,
    tag,
    scope = { kind: "any" },
    params,
    querystring,
    headers,
    body,
    bodyLimit,
  } = about;
  return {
    onRequest: role === null ? () => Promise.resolve() : requireRole(cluster, role, { scope, tag }),
    preHandler: scope.kind === "request" ? requireItsWorkflow(cluster) : () => Promise.resolve(),
    schema: {
      ...(params === undefined ? {} : { params }),
      ...(querystring === undefined ? {} : { querystring }),
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    },
    config: { about },
    ...(bodyLimit === undefined ? {} : { bodyLimit }),
  };
}

/** Gathers the routes that are added from now on; one that says nothing about itself is a mistake. */
export function gatherRoutes(app: FastifyInstance): readonly DescribedRoute[] {
  const routes: DescribedRoute[] = [];
  app.addHook("onRoute", ({ method, url, config }) => {
    const about = config?.about;
    assert(about !== undefined, `the route ${String(method)} ${url} does not describe itself`);
    for (const one of [method].flat()) {
      // Fastify makes these of GET routes.
      if (one !== "HEAD") routes.push({ ...about, method: one, url });
    }
  });
  return routes;
}

/** An answer in JSON. */
export function json(description: string, schema: JsonSchema): RouteAnswer {
  return { description, schema };
}

/**
 * The view of a definition, with its revision in the header ETag as `If-Match` takes it. A strong one:
 * while the revision stays, so do the bytes.
 */
export function tagged<View extends { readonly revision: number } | null>(
  reply: FastifyReply,
  view: View,
): View {
  if (view !== null) reply.header("etag", `"${view.revision}"`);
  return view;
}

/**
 * The view of a request, with its revision in the header ETag. A weak one, since it names the state and
 * not the bytes: how far the request is changes them and leaves the revision.
 */
export function weaklyTagged<View extends { readonly revision: number }>(
  reply: FastifyReply,
  view: View,
): View {
  reply.header("etag", `W/"${view.revision}"`);
  return view;
}
