/** Who calls: what a token allows, and where. */
import type { FastifyRequest } from "fastify";
import { assert } from "../std/assert.ts";
import type { JobxError } from "../std/errors.ts";
import { apiError, type Role } from "./errors.ts";
import type { ClusterPort, Principal } from "./ports.ts";
import { deadlineOf } from "./query.ts";

/**
 * What a route is about, and so what a token that is limited to some workflows may do there.
 * `any`: everybody with the role, who sees only what is theirs; `cluster`: nobody who is limited.
 */
export type Scope =
  | { readonly kind: "any" }
  | { readonly kind: "cluster" }
  /** The workflow is the path parameter of that name. */
  | { readonly kind: "workflow" }
  /** The workflow of the request that the path names. */
  | { readonly kind: "request" };

/** The area that a route belongs to. */
export type RouteTag = "cluster" | "workflows" | "files" | "requests" | "health";

/** Each role and what it includes, weakest first. */
const RANK = { read: 0, submit: 1, admin: 2 } as const satisfies Record<Role, number>;

/** What is known of who makes a call, from its first hook on. */
interface Checked {
  readonly principal: Principal;
  readonly tookMs: number;
}

const checked = new WeakMap<FastifyRequest, Checked>();

/** Who makes the call: on a route that wants a role. */
export function principalOf(request: FastifyRequest): Principal {
  const known = checked.get(request);
  assert(known !== undefined, "a route without a role has no principal");
  return known.principal;
}

/** How long it took to find out who makes the call, ms: part of the caller's deadline. */
export function checkedMs(request: FastifyRequest): number {
  return checked.get(request)?.tookMs ?? 0;
}

/** The token that a call brings, or undefined. */
export function tokenOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization ?? "";
  return /^Bearer +(?<token>[\x21-\x7e]{1,4096}) *$/iu.exec(header)?.groups?.["token"];
}

/** @throws {JobxError} `API_TOKEN_MISSING`, `API_TOKEN_UNKNOWN`; what `ClusterPort.principal` throws. */
async function findPrincipal(cluster: ClusterPort, request: FastifyRequest): Promise<Principal> {
  const token = tokenOf(request);
  if (token === undefined) {
    throw apiError(
      { code: "API_TOKEN_MISSING" },
      "this call needs a token: Authorization: Bearer TOKEN",
    );
  }
  const startMs = performance.now();
  const principal = await cluster.principal(token, { deadlineMs: deadlineOf(request) });
  if (principal === undefined) {
    throw apiError({ code: "API_TOKEN_UNKNOWN" }, "there is no such token");
  }
  checked.set(request, { principal, tookMs: performance.now() - startMs });
  return principal;
}

/** Whether the principal may see the workflow at all. */
export function maySee(principal: Principal, workflow: string): boolean {
  return principal.workflows === null || principal.workflows.includes(workflow);
}

/** @throws {JobxError} `API_WORKFLOW_REFUSED` for a workflow that the token is not for. */
export function checkWorkflow(principal: Principal, workflow: string): void {
  if (!maySee(principal, workflow)) throw refusedWorkflow(workflow);
}

/** A hook that lets in callers whose token has at least this role, and is for what the route is about. */
export function requireRole(
  cluster: ClusterPort,
  needed: Role,
  about: { readonly scope: Scope; readonly tag: RouteTag },
): (request: FastifyRequest) => Promise<void> {
  const { scope, tag } = about;
  return async (request) => {
    const principal = await findPrincipal(cluster, request);
    if (principal.filesOnly === true && tag !== "files") throw filesOnly(principal, needed);
    if (RANK[principal.role] < RANK[needed]) throw roleError(principal, needed);
    if (principal.workflows !== null) checkScope(cluster, principal, { scope, request });
  };
}

function checkScope(
  cluster: ClusterPort,
  principal: Principal,
  call: { readonly scope: Scope; readonly request: FastifyRequest },
): void {
  const { scope, request } = call;
  switch (scope.kind) {
    case "any":
      return;
    case "cluster":
      throw refusedWorkflow(null);
    case "workflow":
      checkWorkflow(principal, pathParameter(request, "workflow"));
      return;
    case "request": {
      const workflow = cluster.workflowOf(pathParameter(request, "request"));
      // What is no request's id is found to be unknown by the route itself.
      if (workflow !== undefined) checkWorkflow(principal, workflow);
    }
  }
}

function pathParameter(request: FastifyRequest, name: string): string {
  const { params } = request;
  if (typeof params !== "object" || params === null) return "";
  const value: unknown = Object.getOwnPropertyDescriptor(params, name)?.value;
  return typeof value === "string" ? value : "";
}

function roleError({ role }: Principal, needed: Role): JobxError {
  return apiError(
    { code: "API_ROLE_INSUFFICIENT", role, needed },
    `this token may ${role}; the call needs one that may ${needed}`,
  );
}

function filesOnly({ role }: Principal, needed: Role): JobxError {
  const message = "this token is a handler's: it is for the files of its workflow only";
  return apiError({ code: "API_ROLE_INSUFFICIENT", role, needed }, message);
}

function refusedWorkflow(workflow: string | null): JobxError {
  const message =
    workflow === null
      ? "this token is for some workflows only, and the call is about the cluster"
      : `this token is not for the workflow ${workflow}`;
  return apiError({ code: "API_WORKFLOW_REFUSED", workflow }, message);
}
