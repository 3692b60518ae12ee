/**
 * An idempotency key where none is taken: refused, since whoever sends one relies on it that the call
 * happens once, and a call that leaves it unread may happen twice.
 */
import type { FastifyRequest } from "fastify";
import type { RouteText } from "./route.ts";
import { inputError, isMapping } from "./values.ts";

const KEY_HEADER = "idempotency-key";

/** A route takes a key exactly when it describes the header. */
export function takesKey({ headers }: Pick<RouteText, "headers">): boolean {
  const properties = headers?.["properties"];
  return isMapping(properties) && KEY_HEADER in properties;
}

/** @throws {JobxError} `API_INPUT_INVALID`. */
export function refuseKey(request: FastifyRequest): void {
  const { about } = request.routeOptions.config;
  // What is under no path is told so, whatever it brings.
  if (request.is404 || about === undefined || takesKey(about)) return;
  if (request.headers[KEY_HEADER] === undefined) return;
  throw inputError(
    `headers.${KEY_HEADER}`,
    "nothing: only submitting a job and retrying a request take a key",
  );
}
