/** What the routes share: the node, the calls in flight, and who may do what. */
import type { FastifyRequest } from "fastify";
import type { JobxError } from "../std/errors.ts";
import { apiError, type Role } from "./errors.ts";
import type { InFlight } from "./in-flight.ts";
import { DEADLINE_MS_DEFAULT, DEADLINE_MS_MAX } from "./limits.ts";
import type { CallOptions, ClusterPort } from "./ports.ts";
import { inputError } from "./values.ts";

/** Given to every area. */
export interface ApiContext {
  readonly cluster: ClusterPort;
  readonly inFlight: InFlight;
}

/** Each role and what it includes, weakest first. */
const RANK = { read: 0, submit: 1, admin: 2 } as const satisfies Record<Role, number>;

/** A hook that lets in callers whose token has at least this role. */
export function requireRole(
  cluster: ClusterPort,
  needed: Role,
): (request: FastifyRequest) => Promise<void> {
  return (request) => {
    const error = roleError(cluster, { needed, header: request.headers.authorization });
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  };
}

function roleError(
  cluster: ClusterPort,
  call: { readonly needed: Role; readonly header: string | undefined },
): JobxError | undefined {
  const token = /^Bearer +(?<token>[\x21-\x7e]{1,4096}) *$/iu.exec(call.header ?? "")?.groups?.[
    "token"
  ];
  if (token === undefined) {
    return apiError(
      { code: "API_TOKEN_MISSING" },
      "this call needs a token: Authorization: Bearer TOKEN",
    );
  }
  const role = cluster.roleOf(token);
  if (role === undefined) {
    return apiError({ code: "API_TOKEN_UNKNOWN" }, "this token is not known here");
  }
  if (RANK[role] >= RANK[call.needed]) return undefined;
  return apiError(
    { code: "API_ROLE_INSUFFICIENT", role, needed: call.needed },
    `this token may ${role}; the call needs one that may ${call.needed}`,
  );
}

/**
 * Runs a call to the cluster inside the caller's deadline (header `Jobx-Deadline-Ms`) plus `waitMs`;
 * rejects at once when the caller has gone or the server stops, whatever the call does then.
 */
export async function callCluster<Answer>(
  context: ApiContext,
  request: FastifyRequest,
  work: { readonly waitMs?: number; readonly run: (options: CallOptions) => Promise<Answer> },
): Promise<Answer> {
  const signal = context.inFlight.signalOf(request);
  signal.throwIfAborted();
  const deadlineMs = deadlineOf(request) + (work.waitMs ?? 0);
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
    return await Promise.race([work.run({ deadlineMs, signal }), ended]);
  } finally {
    stopListening();
  }
}

function deadlineOf(request: FastifyRequest): number {
  const header = request.headers["jobx-deadline-ms"];
  if (header === undefined) return DEADLINE_MS_DEFAULT;
  const ms = typeof header === "string" && /^[0-9]{1,9}$/u.test(header) ? Number(header) : 0;
  if (ms >= 1 && ms <= DEADLINE_MS_MAX) return ms;
  throw inputError("headers.jobx-deadline-ms", `a whole number from 1 to ${DEADLINE_MS_MAX}`);
}
