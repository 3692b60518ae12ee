/** Who calls: what a token allows, and where. */
import type { FastifyRequest } from "fastify";
import type { JobxError } from "../std/errors.ts";
import { apiError, type Role } from "./errors.ts";
import type { ClusterPort, Principal } from "./ports.ts";

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

/** Each role and what it includes, weakest first. */
const RANK = { read: 0, submit: 1, admin: 2 } as const satisfies Record<Role, number>;

/** @throws {JobxError} `API_TOKEN_MISSING`, `API_TOKEN_UNKNOWN`. */
export function principalOf(cluster: ClusterPort, header: string | undefined): Principal {
  const token = /^Bearer +(?<token>[\x21-\x7e]{1,4096}) *$/iu.exec(header ?? "")?.groups?.["token"];
  if (token === undefined) {
    throw apiError(
      { code: "API_TOKEN_MISSING" },
      "this call needs a token: Authorization: Bearer TOKEN",
    );
  }
  const principal = cluster.principal(token);
  if (principal === undefined) {
    throw apiError({ code: "API_TOKEN_UNKNOWN" }, "this token is not known here");
  }
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
  scope: Scope,
): (request: FastifyRequest) => Promise<void> {
  return (request) => {
    try {
      const principal = principalOf(cluster, request.headers.authorization);
      if (RANK[principal.role] < RANK[needed]) return Promise.reject(roleError(principal, needed));
      if (principal.workflows !== null) checkScope(cluster, principal, { scope, request });
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
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

function refusedWorkflow(workflow: string | null): JobxError {
  const message =
    workflow === null
      ? "this token is for some workflows only, and the call is about the cluster"
      : `this token is not for the workflow ${workflow}`;
  return apiError({ code: "API_WORKFLOW_REFUSED", workflow }, message);
}
