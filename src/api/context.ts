/** What the routes share: the node and the calls in flight. */
import type { FastifyRequest } from "fastify";
import type { Clock } from "../std/clock.ts";
import { Deadline } from "../std/deadline.ts";
import type { InFlight } from "./in-flight.ts";
import type { JsonSchema } from "./json-schema.ts";
import { MOUNT_HEADER, MOUNT_NAME } from "./mount-name.ts";
import type { CallOptions, ClusterPort } from "./ports.ts";
import { checkedMs } from "./principal.ts";
import { deadlineOf, flagOf } from "./query.ts";
import type { SubmissionGate } from "./submission-gate.ts";
import { isMapping } from "./values.ts";

/** Monotonic; only deadlines are measured by it. */
export const CLOCK: Clock = { nowMs: () => performance.now() };

/** Given to every area. */
export interface ApiContext {
  readonly cluster: ClusterPort;
  readonly inFlight: InFlight;
  readonly gate: SubmissionGate;
  /** Silence after which a reader is given up, ms. */
  readonly silenceMsMax: number;
  /** The OpenAPI document; complete when all routes have been added. */
  readonly document: () => JsonSchema;
}

/**
 * Runs a call to the cluster inside the caller's deadline (header `Jobx-Deadline-Ms`) plus `waitMs`;
 * with that it is counted among those that wait. Rejects at once when the caller has gone or the server
 * stops, whatever the call does then.
 */
export async function callCluster<Answer>(
  context: ApiContext,
  request: FastifyRequest,
  work: { readonly waitMs?: number; readonly run: (options: CallOptions) => Promise<Answer> },
): Promise<Answer> {
  if (work.waitMs !== undefined && work.waitMs > 0) context.inFlight.wait(request);
  const signal = context.inFlight.signalOf(request);
  signal.throwIfAborted();
  // What finding out about the token took is part of the call.
  const leftMs = Math.max(1, deadlineOf(request) - checkedMs(request));
  const deadlineMs = leftMs + (work.waitMs ?? 0);
  let stopListening = (): void => {};
  const ended = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      reject(reason instanceof Error ? reason : new Error("the call was ended"));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    stopListening = () => signal.removeEventListener("abort", onAbort);
  });
  try {
    const stale = asksForStale(request);
    const deadline = new Deadline(CLOCK, deadlineMs);
    const mount = mountOf(request);
    return await Promise.race([work.run({ deadline, signal, stale, mount }), ended]);
  } finally {
    stopListening();
  }
}

/** The mount that says of itself that it calls; what is no name of one says nothing. */
function mountOf({ headers }: FastifyRequest): string | undefined {
  const mount = headers[MOUNT_HEADER];
  return typeof mount === "string" && MOUNT_NAME.test(mount) ? mount : undefined;
}

/** R15: whether the caller is content with this node's own copy. */
export function asksForStale({ query }: FastifyRequest): boolean {
  const { stale } = isMapping(query) ? query : {};
  return typeof stale === "string" && flagOf(stale, false);
}
