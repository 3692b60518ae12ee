/**
 * A body where none is expected: refused, since whoever sends one means something by it, and a call that
 * leaves it unread does something else.
 */
import type { FastifyRequest } from "fastify";
import { inputError, isMapping } from "./values.ts";

/** The runtime does not read bodies of these. */
const UNREAD: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/**
 * Looks at calls of routes that describe no body. `null` and `{}` say nothing, and some clients send
 * them with every POST.
 * @throws {JobxError} `API_INPUT_INVALID`.
 */
export function refuseBody(request: FastifyRequest): void {
  // What is under no path is told so, whatever it brings.
  const { about } = request.routeOptions.config;
  if (request.is404 || about?.body !== undefined || about?.streamsBody !== undefined) return;
  const says = UNREAD.has(request.method) ? bringsBytes(request) : saysSomething(request.body);
  if (says) throw inputError("body", "nothing: this call takes no body");
}

function bringsBytes({ headers }: FastifyRequest): boolean {
  const length = headers["content-length"] ?? "0";
  return headers["transfer-encoding"] !== undefined || Number(length) !== 0;
}

function saysSomething(body: unknown): boolean {
  if (body === undefined || body === null) return false;
  return !isMapping(body) || Object.keys(body).length > 0;
}
