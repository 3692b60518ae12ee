/** Reading query parameters, which are text that a schema has let through. */
import type { FastifyRequest } from "fastify";
import { DEADLINE_MS_DEFAULT, DEADLINE_MS_MAX, WAIT_MS_MAX } from "./limits.ts";
import { inputError } from "./values.ts";

/** `?flag`, `?flag=1` and `?flag=true` are true; absent is `otherwise`. */
export function flagOf(value: string | undefined, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  return value === "" || value === "true" || value === "1";
}

/** A path of a workflow, and which version of it, which a schema has let through as digits. */
export function versionAt<Query extends { readonly version?: string }>(
  params: { readonly workflow: string },
  { version, ...query }: Query,
): { readonly workflow: string } & Omit<Query, "version"> & {
    readonly version: number | undefined;
  } {
  return { ...params, ...query, version: version === undefined ? undefined : Number(version) };
}

/** Bounds of a number, both included, and what it is where nobody says it. */
interface CountBounds {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly otherwise: number;
}

/** @throws {JobxError} `API_INPUT_INVALID` for a number outside of the bounds. */
export function countOf(value: string | undefined, bounds: CountBounds): number {
  return countAt(`querystring.${bounds.name}`, value, bounds);
}

function countAt(path: string, value: string | number | undefined, bounds: CountBounds): number {
  if (value === undefined) return bounds.otherwise;
  const count = Number(value);
  if (count >= bounds.min && count <= bounds.max) return count;
  throw inputError(path, `a whole number from ${bounds.min} to ${bounds.max}`);
}

/** Where a submission may say how long it waits. */
export interface Waiting {
  readonly query: { readonly wait?: string };
  readonly body: { readonly wait?: string | number };
}

/**
 * How many milliseconds a submission waits for its end: `?wait=`, or `wait` of its body; 0 without both.
 * Schemas have let them through.
 * @throws {JobxError} `API_INPUT_INVALID` outside of the bounds, or where both name different ones.
 */
export function submitWaitOf({ query, body }: Waiting): number {
  const bounds = { name: "wait", min: 0, max: WAIT_MS_MAX, otherwise: 0 };
  const waitMs = countOf(query.wait, bounds);
  const bodyMs = countAt("body.wait", body.wait, { ...bounds, otherwise: waitMs });
  if (query.wait === undefined || bodyMs === waitMs) return bodyMs;
  throw inputError("body.wait", `${waitMs}, as the query says`);
}

/** Where a change that has no body else may say which revision it expects. */
export interface Expecting {
  Querystring: { readonly revision?: string };
  Headers: { readonly "if-match"?: string };
  Body: { readonly revision?: number } | null | undefined;
}

/**
 * The revision that a change expects: of `If-Match`, `?revision=`, and the body where it is handed in.
 * Schemas have let them through. `If-Match: *` expects none, and leaves it to the others.
 * @throws {JobxError} `API_INPUT_INVALID` where they name different ones.
 */
export function revisionOf(
  request: FastifyRequest<Pick<Expecting, "Querystring" | "Headers">>,
  body?: Expecting["Body"],
): number | undefined {
  const header = request.headers["if-match"]?.replaceAll(/W\/|"/gu, "");
  const said = [
    ["headers.if-match", header === "*" ? undefined : header],
    ["querystring.revision", request.query.revision],
    ["body.revision", body?.revision],
  ] as const;
  let revision: number | undefined;
  for (const [path, value] of said) {
    if (value === undefined) continue;
    revision ??= Number(value);
    if (Number(value) !== revision) {
      throw inputError(path, `${revision}, as the call says elsewhere`);
    }
  }
  return revision;
}

/** A moment in milliseconds since 1970. @throws {JobxError} `API_INPUT_INVALID` for what is none. */
export function momentOf(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{4}-\d{2}-\d{2}/u.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isFinite(ms)) return ms;
  throw inputError(`querystring.${name}`, "a time such as 2026-01-31T08:00:00Z");
}

/** How long the caller is willing to wait: header `Jobx-Deadline-Ms`. @throws {JobxError} `API_INPUT_INVALID`. */
export function deadlineOf(request: FastifyRequest): number {
  const header = request.headers["jobx-deadline-ms"];
  if (header === undefined) return DEADLINE_MS_DEFAULT;
  const ms = typeof header === "string" && /^[0-9]{1,9}$/u.test(header) ? Number(header) : 0;
  if (ms >= 1 && ms <= DEADLINE_MS_MAX) return ms;
  throw inputError("headers.jobx-deadline-ms", `a whole number from 1 to ${DEADLINE_MS_MAX}`);
}
