/** The gate in front of everything that submits: while a node is overloaded, whoever floods it waits. */
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import type { ApiContext } from "./context.ts";
import { apiError } from "./errors.ts";
import { deadlineOf } from "./query.ts";
import type { RouteParts } from "./route.ts";
import { isMapping } from "./values.ts";

/**
 * A route with the gate behind its first hook: who calls is known by then, and of the body nothing is read,
 * so that a refusal costs little. @throws {JobxError} `API_OVERLOADED`, in the hook.
 */
export function admitted(context: ApiContext, parts: RouteParts): RouteParts {
  return {
    ...parts,
    onRequest: async (request) => {
      await parts.onRequest(request);
      const workflow = workflowOf(context, request);
      if (workflow === undefined) return;
      const turn = context.gate.ask(workflow);
      if (turn.kind === "refused") throw overloaded(workflow, turn.awayS);
      if (turn.waitMs === 0) return;
      // Whoever has less time than that is told now, and not when it is over.
      if (turn.waitMs >= deadlineOf(request)) throw overloaded(workflow, 1);
      await waitFor(turn.waitMs, context.inFlight.signalOf(request));
    },
  };
}

/** @throws the signal's reason: the caller has hung up, or this node is stopping. */
async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function overloaded(workflow: string, retryAfterS: number): Error {
  return apiError(
    { code: "API_OVERLOADED", workflow, retryAfterS },
    `this node is overloaded, and more is submitted to ${workflow} than to others; come back in ${retryAfterS} s`,
  );
}

/** What the path names: a workflow, or a request of one. */
function workflowOf({ cluster }: ApiContext, { params }: FastifyRequest): string | undefined {
  const { workflow, request } = isMapping(params) ? params : {};
  if (typeof request === "string") return cluster.workflowOf(request);
  return typeof workflow === "string" ? workflow : undefined;
}
