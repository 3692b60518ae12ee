/** The HTTP server: `buildApi` makes it without a port, `listenApi` opens one. */
import websocket from "@fastify/websocket";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import type { Log } from "../std/log.ts";
import { adminRoutes } from "./admin-routes.ts";
import { clusterRoutes } from "./cluster-routes.ts";
import { type ApiContext, asksForStale } from "./context.ts";
import { copyRoutes } from "./copy-routes.ts";
import { entityRoutes } from "./entity-routes.ts";
import { apiError } from "./errors.ts";
import { eventRoutes } from "./event-routes.ts";
import { rawFailure, sendFailure } from "./failures.ts";
import { fileRoutes } from "./file-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { type HostRules, hostAllowed, originAllowed, urlHost } from "./host-rules.ts";
import { InFlight, type InFlightBounds } from "./in-flight.ts";
import { invocationRoutes } from "./invocation-routes.ts";
import type { JsonSchema } from "./json-schema.ts";
import { legacyRoutes } from "./legacy-routes.ts";
import {
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  HEADER_BYTES_MAX,
  HEADERS_MAX,
  KEEP_ALIVE_MS,
  MESSAGE_BYTES_MAX,
  RECEIVE_MS_MAX,
  SILENCE_MS_MAX,
} from "./limits.ts";
import { refuseBody } from "./no-body.ts";
import { refuseKey } from "./no-key.ts";
import { openApi } from "./openapi.ts";
import type { ClusterPort } from "./ports.ts";
import { requestRoutes } from "./request-routes.ts";
import { gatherRoutes } from "./route.ts";
import { secretRoutes } from "./secret-routes.ts";
import { boundBody } from "./slow-body.ts";
import type { SubmissionGate } from "./submission-gate.ts";
import { submitRoutes } from "./submit-routes.ts";
import { tokenRoutes } from "./token-routes.ts";
import { decodeUtf8, isMapping, parseJson } from "./values.ts";
import { workflowRoutes } from "./workflow-routes.ts";

/** What the server is given. */
export interface ApiDeps {
  readonly cluster: ClusterPort;
  readonly log: Log;
  readonly rules: HostRules;
  /** Workflows that old clients on this machine may submit to without a token; default none. */
  readonly legacyWorkflows?: readonly string[];
  /** Calls answered at the same time; more are refused with `API_BUSY` or `API_WAITS_FULL`. */
  readonly bounds?: InFlightBounds;
  /** Who may submit while the node is overloaded; by default everybody. */
  readonly gate?: SubmissionGate;
  /** Silence on a connection after which it is closed, ms; default `SILENCE_MS_MAX`. */
  readonly silenceMsMax?: number;
  /** Time to send a body whole, but for content of files, ms; default `RECEIVE_MS_MAX`. */
  readonly receiveMsMax?: number;
}

/** Where the server listens. */
export interface ApiAddress {
  readonly host: string;
  readonly port: number;
  /** As it can be called from this machine. */
  readonly url: string;
}

/** What is wrong comes with its schema, so that an unknown member is told with those that there are. */
const SCHEMA_OPTIONS = {
  ...{ coerceTypes: false, removeAdditional: false, useDefaults: false },
  ...{ allowUnionTypes: true, verbose: true },
} as const;

const OPEN_GATE: SubmissionGate = { ask: () => ({ kind: "admitted", waitMs: 0 }) };

/** A call without a host is refused by the rules for hosts, with a code; Node's own refusal has none. */
const HTTP_OPTIONS = {
  ...{ maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: RECEIVE_MS_MAX },
  requireHostHeader: false,
} as const;

/** Routes below `/v1`. */
const AREAS = [
  adminRoutes,
  clusterRoutes,
  tokenRoutes,
  workflowRoutes,
  entityRoutes,
  fileRoutes,
  copyRoutes,
  secretRoutes,
  requestRoutes,
  invocationRoutes,
  eventRoutes,
  submitRoutes,
] as const;

/** The server with all routes, not listening. Close it with `close()`: waits end with `API_STOPPING`. */
export async function buildApi(deps: ApiDeps): Promise<FastifyInstance> {
  const { silenceMsMax = SILENCE_MS_MAX } = deps;
  const app = fastify({
    connectionTimeout: silenceMsMax,
    bodyLimit: BODY_BYTES_MAX,
    // Node's own bound would hold for content of files as well: `slow-body.ts` has the time of all others.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Waits are ended by the server itself when it closes; idle connections would hold it open.
    forceCloseConnections: "idle",
    return503OnClosing: false,
    routerOptions: { maxParamLength: 512 },
    http: HTTP_OPTIONS,
    ajv: { customOptions: SCHEMA_OPTIONS },
    frameworkErrors: (error, request, reply) =>
      sendFailure(error, request, { reply, log: deps.log }),
    clientErrorHandler: (error, socket) => {
      // The other side has gone: there is nobody to tell.
      if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
      else socket.end(rawFailure(error));
    },
  });
  app.server.maxHeadersCount = HEADERS_MAX;
  app.server.maxConnections = CONNECTIONS_MAX;
  const routes = gatherRoutes(app);
  let document: JsonSchema | undefined;
  const context: ApiContext = {
    cluster: deps.cluster,
    document: () => {
      document ??= openApi(routes, deps.cluster.version());
      return document;
    },
    inFlight: new InFlight(deps.bounds),
    gate: deps.gate ?? OPEN_GATE,
    silenceMsMax,
  };
  // Before the guard: it sees to it that a refused upgrade does not leave its connection open.
  await app.register(websocket, { options: { maxPayload: MESSAGE_BYTES_MAX } });
  guard(app, { context, deps });
  parseBodies(app);
  app.register((scope, _options, done) => {
    healthRoutes(scope, context);
    done();
  });
  for (const area of AREAS) {
    app.register(
      (scope, _options, done) => {
        area(scope, context);
        done();
      },
      { prefix: "/v1" },
    );
  }
  const { legacyWorkflows = [] } = deps;
  if (legacyWorkflows.length > 0) {
    app.register((scope, _options, done) => {
      legacyRoutes(scope, context, legacyWorkflows);
      done();
    });
  }
  await app.ready();
  return app;
}

/**
 * Opens the port; 0 takes a free one.
 * @throws {JobxError} `API_LISTEN_FAILED` when the address cannot be had.
 */
export async function listenApi(
  app: FastifyInstance,
  at: { readonly host: string; readonly port: number },
): Promise<ApiAddress> {
  try {
    await app.listen({ host: at.host, port: at.port });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw apiError(
      { code: "API_LISTEN_FAILED", host: at.host, port: at.port },
      `cannot listen on ${at.host}:${at.port}: ${reason}`,
      { cause },
    );
  }
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : at.port;
  const host = at.host === "0.0.0.0" ? "127.0.0.1" : at.host === "::" ? "::1" : at.host;
  return { host: at.host, port, url: `http://${host.includes(":") ? `[${host}]` : host}:${port}` };
}

/** What every call passes before its route: a place, the right address, then the token. */
function guard(
  app: FastifyInstance,
  { context, deps }: { readonly context: ApiContext; readonly deps: ApiDeps },
): void {
  const { rules, log, receiveMsMax = RECEIVE_MS_MAX } = deps;
  app.addHook("onRequest", (request, reply, next) => {
    try {
      context.inFlight.begin(request, reply, isProbe(request) ? "probe" : "call");
      checkAddress(request, rules);
      next();
    } catch (error) {
      next(error instanceof Error ? error : new Error(String(error)));
    }
  });
  // After the token was looked at, before anything of the body is read.
  app.addHook("preParsing", (request, _reply, payload, next) => {
    try {
      refuseKey(request);
      context.inFlight.takeBody(request, bodyBytesOf(request));
      boundBody(request, receiveMsMax);
      next(null, payload);
    } catch (error) {
      next(error instanceof Error ? error : new Error(String(error)));
    }
  });
  app.addHook("preValidation", (request, _reply, next) => {
    try {
      refuseBody(request);
      next();
    } catch (error) {
      next(error instanceof Error ? error : new Error(String(error)));
    }
  });
  app.addHook("onSend", (request, reply, payload, next) => {
    reply.header("cache-control", "no-store").header("x-content-type-options", "nosniff");
    sayAge(request, reply, context);
    // A connection that was busy when the server began to close would else be kept open idle.
    if (context.inFlight.stopping) reply.header("connection", "close");
    next(null, payload);
  });
  app.addHook("preClose", (done) => {
    context.inFlight.stop();
    done();
  });
  app.setErrorHandler((error, request, reply) => sendFailure(error, request, { reply, log }));
  app.setNotFoundHandler((request, reply) => {
    const error = apiError({ code: "API_ROUTE_UNKNOWN" }, "there is nothing under this path");
    sendFailure(error, request, { reply, log });
  });
}

/** As many bytes as the body of a call may bring: what its header says, within the route's bound. */
function bodyBytesOf({ headers, routeOptions }: FastifyRequest): number {
  const { bodyLimit = BODY_BYTES_MAX } = routeOptions;
  if (headers["transfer-encoding"] !== undefined) return bodyLimit;
  const bytes = Number(headers["content-length"] ?? 0);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? Math.min(bytes, bodyLimit) : bodyLimit;
}

function isProbe({ routeOptions: { url } }: FastifyRequest): boolean {
  return url === "/healthz" || url === "/readyz";
}

/** R15: an answer from this node's own copy says how old that may be. */
function sayAge(request: FastifyRequest, reply: FastifyReply, { cluster }: ApiContext): void {
  if (!asksForStale(request) || reply.statusCode >= 300) return;
  const { workflow, request: id } = isMapping(request.params) ? request.params : {};
  const name = typeof id === "string" ? cluster.workflowOf(id) : workflow;
  const ageMs = cluster.copyAgeMs(typeof name === "string" ? name : undefined);
  reply.header("jobx-age-ms", ageMs === undefined ? "unknown" : String(Math.ceil(ageMs)));
}

/** @throws {JobxError} `API_HTTP_INVALID` (RFC 9112, 3.2), `API_HOST_REFUSED`, `API_ORIGIN_REFUSED`. */
function checkAddress(request: FastifyRequest, rules: HostRules): void {
  const host = hostOf(request);
  for (const named of [host, urlHost(request.raw.url ?? "")]) {
    if (named === undefined || hostAllowed(named, rules, request.socket.localAddress)) continue;
    throw apiError(
      { code: "API_HOST_REFUSED", host: named.slice(0, 255) },
      "this node is not known under that name; add it to the names of its API",
    );
  }
  const { origin } = request.headers;
  if (!originAllowed(origin, host)) {
    throw apiError(
      { code: "API_ORIGIN_REFUSED", origin: (origin ?? "").slice(0, 255) },
      "pages from elsewhere may not call this node",
    );
  }
}

/** The one `Host` header. @throws {JobxError} `API_HTTP_INVALID` when there is none, or more. */
function hostOf({ headers: { host }, raw: { rawHeaders } }: FastifyRequest): string {
  // Of several, `headers` shows the first one only: something on the way may have gone by another.
  const count = rawHeaders.filter((text, at) => at % 2 === 0 && /^host$/iu.test(text)).length;
  if (host !== undefined && count <= 1) return host;
  const reason = host === undefined ? "no host" : "several hosts";
  throw apiError(
    { code: "API_HTTP_INVALID", reason },
    host === undefined
      ? "the call does not say which host it is for"
      : "the call says more than once which host it is for",
  );
}

function parseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    "application/json",
    { parseAs: "buffer" },
    (_request, bytes, done) => {
      try {
        // Some clients name a type where they send nothing.
        done(null, bytes.length === 0 ? undefined : parseJson(decodeUtf8(bytes)));
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  );
}
