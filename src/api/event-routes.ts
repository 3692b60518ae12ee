/**
 * Live events (R22): Server-Sent Events, or the same over WebSocket when the caller asks for an upgrade.
 * A stream begins with the present state unless the caller names the last event that it has seen. Who
 * reads slowly gets fewer, newer events: nothing is kept for anybody here.
 */
import { Readable } from "node:stream";
import type { WebSocket } from "@fastify/websocket";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Deadline } from "../std/deadline.ts";
import { type ApiContext, CLOCK, callCluster } from "./context.ts";
import { apiError, isJobxError } from "./errors.ts";
import { failureBody } from "./failures.ts";
import { object, TEXT } from "./json-schema.ts";
import { DEADLINE_MS_DEFAULT } from "./limits.ts";
import type { StreamEvent, WhyView } from "./ports.ts";
import { tokenOf } from "./principal.ts";
import { REQUEST_PLACES, type RequestPath, type RequestPlace } from "./request-places.ts";
import { json, route } from "./route.ts";
import { EVENT_HEADERS, EVENT_QUERY, READ_QUERY, WORKFLOW_PARAMS } from "./schema.ts";
import { REQUEST_STATE } from "./view-schema.ts";

interface EventCall {
  Querystring: { readonly after?: string };
  Headers: { readonly "last-event-id"?: string };
}

type Followed = { readonly workflow: string } | { readonly request: string };

const STREAM = {
  200: {
    description:
      "A stream of events. Each has its own `number`, which is its SSE id too and what `after` and `Last-Event-ID` name; beside it, where it is about a request or the definitions, the `revision` of these.",
    schema: undefined,
    type: "text/event-stream",
  },
} as const;

const WHY = object<WhyView>("Why", { request: TEXT, state: REQUEST_STATE, why: TEXT });

/** What closes a WebSocket: the request has ended, or something went wrong. */
const CLOSE_DONE = 1000;
const CLOSE_FAILED = 1011;

/** Routes under `/v1`. */
export function eventRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const common = {
    tag: "requests",
    role: "read",
    querystring: EVENT_QUERY,
    headers: EVENT_HEADERS,
    answers: STREAM,
  } as const;
  app.route<EventCall & { Params: { readonly workflow: string } }>({
    method: "GET",
    url: "/workflows/:workflow/events",
    ...route(cluster, {
      ...common,
      summary: "What happens in a workflow, as it happens; also over WebSocket.",
      scope: { kind: "workflow" },
      params: WORKFLOW_PARAMS,
    }),
    ...following(context),
    preHandler: waiting(context),
  });
  for (const at of REQUEST_PLACES) {
    const parts = route(cluster, {
      ...common,
      summary: "What happens to a request until it has ended; also over WebSocket.",
      scope: { kind: "request" },
      params: at.request,
    });
    app.route<EventCall & { Params: RequestPath }>({
      method: "GET",
      url: `${at.url}/events`,
      ...parts,
      ...following(context),
      preHandler: [parts.preHandler, waiting(context)],
    });
    whyRoute(app, context, at);
  }
}

function whyRoute(app: FastifyInstance, context: ApiContext, at: RequestPlace): void {
  const { cluster } = context;
  app.get<{ Params: RequestPath }>(
    `${at.url}/why`,
    route(cluster, {
      summary: "Why a request is where it is, in one sentence.",
      tag: "requests",
      role: "read",
      scope: { kind: "request" },
      params: at.request,
      querystring: READ_QUERY,
      answers: { 200: json("The reason.", WHY) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) => cluster.why(request.params.request, options),
      }),
  );
}

/** A hook before the upgrade, after which nobody can be refused with a status. */
function waiting(context: ApiContext) {
  return async (request: FastifyRequest): Promise<void> => context.inFlight.wait(request);
}

/** Sends what is followed in either way. */
function following(context: ApiContext) {
  type Request = FastifyRequest<EventCall & { Params: Followed }>;
  return {
    handler: (request: Request, reply: FastifyReply) =>
      reply
        .type("text/event-stream; charset=utf-8")
        .send(sendEvents(follow(context, request, followedOf(request.params)))),
    wsHandler: (socket: WebSocket, request: Request) => {
      const events = follow(context, request, followedOf(request.params));
      void sendMessages(socket, events, context.silenceMsMax);
    },
  };
}

/** A request that is named under its workflow is followed alone. */
function followedOf(params: Followed): Followed {
  return "request" in params ? { request: params.request } : { workflow: params.workflow };
}

function follow(
  context: ApiContext,
  request: FastifyRequest<EventCall>,
  of: Followed,
): AsyncIterable<StreamEvent> {
  const after = request.headers["last-event-id"] ?? request.query.after;
  const signal = context.inFlight.signalOf(request);
  const options = { deadline: new Deadline(CLOCK, DEADLINE_MS_DEFAULT), signal };
  const number = after === undefined ? undefined : Number(after);
  const events = context.cluster.events(of, number, options);
  // By this node's copy: who was let in stays until it is known here that the token was revoked.
  const token = tokenOf(request) ?? "";
  return whileKnown(events, () => context.cluster.isTokenKnown(token));
}

/** Ends with an error when the token has been revoked; a stream that has nothing to tell looks as well. */
async function* whileKnown(
  events: AsyncIterable<StreamEvent>,
  known: () => boolean,
): AsyncGenerator<StreamEvent, void, undefined> {
  for await (const event of events) {
    if (!known()) throw apiError({ code: "API_TOKEN_UNKNOWN" }, "the token was revoked");
    yield event;
  }
}

/** As a browser's `EventSource` reads them. A stream that fails says so in an event `error`, and ends. */
function sendEvents(events: AsyncIterable<StreamEvent>): Readable {
  async function* text(): AsyncGenerator<string, void, undefined> {
    // Sent at once, so that the caller knows that somebody listens.
    yield ": jobx\n\n";
    try {
      for await (const event of events) yield eventText(event);
    } catch (error) {
      const body = JSON.stringify(failureOf(error));
      yield `event: error\ndata: ${body}\n\n`;
    }
  }
  return Readable.from(text(), { objectMode: true, highWaterMark: 1 });
}

function eventText(event: StreamEvent): string {
  if (event.kind === "idle") return ": idle\n\n";
  return `id: ${event.number}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}

/**
 * Each event is a message; the next one is asked for when the last has been sent. Who takes none for
 * `silenceMsMax` is cut off.
 */
async function sendMessages(
  socket: WebSocket,
  events: AsyncIterable<StreamEvent>,
  silenceMsMax: number,
): Promise<void> {
  const gone = new Promise<"gone">((resolve) => socket.once("close", () => resolve("gone")));
  socket.on("error", () => {
    // Followed by `close`, which ends the stream.
  });
  const iterator = events[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), gone]);
      if (next === "gone") break;
      if (next.done === true) {
        socket.close(CLOSE_DONE);
        break;
      }
      const stuck = setTimeout(() => socket.terminate(), silenceMsMax);
      await Promise.race([sent(socket, JSON.stringify(next.value)), gone]);
      clearTimeout(stuck);
    }
  } catch (error) {
    await Promise.race([
      sent(socket, JSON.stringify({ kind: "error", ...failureOf(error) })),
      gone,
    ]);
    socket.close(CLOSE_FAILED);
  } finally {
    void iterator.return?.();
  }
}

function sent(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => socket.send(text, () => resolve()));
}

function failureOf(error: unknown): object {
  if (isJobxError(error)) return failureBody(error);
  return { code: "API_INTERNAL", message: "something went wrong inside this node", details: {} };
}
