/**
 * The form that old clients speak: `POST /job/WORKFLOW/JOB[?blocking=]`, without a token. Only with
 * `--legacy-http`, only from this machine, and only for the workflows that were named there; the checks
 * of `Host` and `Origin` stay, so that no web page can call it.
 */
import { isIP, Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { JobxError } from "../std/errors.ts";
import { admitted } from "./admitted.ts";
import { type ApiContext, callCluster } from "./context.ts";
import { apiError, isJobxError } from "./errors.ts";
import { failureBody } from "./failures.ts";
import { object } from "./json-schema.ts";
import { WAIT_MS_MAX } from "./limits.ts";
import type { RequestView, RequestWait } from "./ports.ts";
import { objectBody } from "./result-text.ts";
import { json, route } from "./route.ts";
import { JOB_PARAMS, LEGACY_BODY, LEGACY_QUERY } from "./schema.ts";
import { mayRetryLater, statusOf } from "./status.ts";
import { readArgumentsInOrder } from "./submit-routes.ts";
import { checkPairs, isMapping } from "./values.ts";

/** Characters of a message in a header. */
const MESSAGE_LENGTH_MAX = 1000;

interface LegacyCall {
  Params: { readonly workflow: string; readonly job: string };
  Body: { readonly arguments: readonly unknown[] };
  Querystring: { readonly blocking?: string };
}

const ANSWER = object<{ result: unknown }>("LegacyAnswer", { result: {} });

/** Routes at the root. `workflows` are those that may be called so. */
export function legacyRoutes(
  app: FastifyInstance,
  context: ApiContext,
  workflows: readonly string[],
): void {
  readArgumentsInOrder(app);
  const parts = route(context.cluster, {
    summary: "Submits a job as old clients do; only with --legacy-http.",
    tag: "requests",
    role: null,
    params: JOB_PARAMS,
    body: LEGACY_BODY,
    querystring: LEGACY_QUERY,
    answers: { 200: json("The result; null when it was not waited for.", ANSWER) },
  });
  const onRequest = ({ socket, params }: FastifyRequest): Promise<void> => {
    const { workflow } = isMapping(params) ? params : {};
    const isNamed = typeof workflow === "string" && workflows.includes(workflow);
    if (!isLoopback(socket.remoteAddress) || !isNamed) {
      return Promise.reject(
        apiError(
          { code: "API_LEGACY_REFUSED" },
          "this workflow is not open to callers without a token, or you are not on this machine",
        ),
      );
    }
    return Promise.resolve();
  };
  const gated = admitted(context, { ...parts, onRequest });
  app.post<LegacyCall>("/job/:workflow/:job", gated, (request, reply) =>
    submit(context, request, reply),
  );
}

async function submit(
  context: ApiContext,
  request: FastifyRequest<LegacyCall>,
  reply: FastifyReply,
): Promise<object> {
  const { cluster } = context;
  const { params, query, body } = request;
  const pairs: readonly unknown[] = body.arguments;
  checkPairs(pairs);
  const isBlocking = query.blocking !== "false" && query.blocking !== "0";
  if (isBlocking) {
    context.inFlight.wait(request);
    // It may take days, without a word on the connection. Calls without a port have no socket of the kernel.
    const { socket } = request.raw;
    if (socket instanceof Socket) socket.setTimeout(0);
  }
  const input = { ...params, arguments: pairs, idempotencyKey: undefined, keep: undefined };
  const accepted = await callCluster(context, request, {
    run: (options) => cluster.submit(input, options),
  });
  context.inFlight.bodyDone(request);
  reply.header("x-mr-request-id", accepted.request);
  reply.header("x-fulfilled-by", cluster.self().name);
  if (!isBlocking) return { result: null };
  try {
    const view = await waitForEnd(context, request, accepted.request);
    if (view.state === "succeeded") {
      return await sendResult(context, { request, reply, id: accepted.request });
    }
    const { code, message } = view.error ?? { code: view.state, message: "" };
    return failed(reply, code, message);
  } catch (error) {
    // Whatever keeps this node from knowing the end is no failure of the job.
    if (!isJobxError(error) || !mayRetryLater(statusOf(error.code))) throw error;
    return unanswered(reply, accepted.request, error);
  }
}

/** Not by way of the usual failures, which tell callers to come back: this call would submit again. */
function unanswered(reply: FastifyReply, request: string, cause: JobxError): FastifyReply {
  const error = apiError(
    { code: "API_REQUEST_UNANSWERED", request, reason: cause.code },
    `request ${request} was accepted and goes on, but how it ends cannot be told now: ` +
      `${cause.message}; do not send it again, look at it with jobx request show ${request}`,
    { cause },
  );
  return reply.code(statusOf(error.code)).send(failureBody(error));
}

/** Old clients know no other way to a result, so it comes with the answer, whatever its size. */
async function sendResult(
  context: ApiContext,
  to: {
    readonly request: FastifyRequest<LegacyCall>;
    readonly reply: FastifyReply;
    readonly id: string;
  },
): Promise<FastifyReply> {
  const { reply, id } = to;
  const lines = await callCluster(context, to.request, {
    run: (options) => context.cluster.result(id, options),
  });
  reply.type("application/json; charset=utf-8");
  return reply.send(objectBody(lines, { before: '{"result":', after: "}" }));
}

/** Old clients wait as long as it takes; they end by hanging up. */
async function waitForEnd(
  context: ApiContext,
  request: FastifyRequest<LegacyCall>,
  id: string,
): Promise<RequestView> {
  let knowsPaused = false;
  for (;;) {
    const input: RequestWait = { waitMs: WAIT_MS_MAX, withResult: false, knowsPaused };
    const view = await callCluster(context, request, {
      waitMs: WAIT_MS_MAX,
      run: (options) => context.cluster.request(id, input, options),
    });
    if (view.endedAt !== null) return view;
    knowsPaused = view.state === "paused";
  }
}

function failed(reply: FastifyReply, code: string, message: string): object {
  const line = message.replaceAll(/[^\x20-\x7e]+/gu, " ").slice(0, MESSAGE_LENGTH_MAX);
  reply.code(500).header("x-mr-exception-type", code).header("x-mr-exception-message", line);
  return {};
}

function isLoopback(address: string | undefined): boolean {
  const plain = (address ?? "").replace(/^::ffff:/u, "");
  return isIP(plain) === 4 ? plain.startsWith("127.") : plain === "::1";
}
