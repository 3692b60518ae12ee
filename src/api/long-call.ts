/** Calls that may take many minutes, as what is done to a folder of a million names. */
import { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { PROCESSING_HEADER } from "./processing-header.ts";

/** Between two signs that a call goes on, ms. */
const PROCESSING_MS = 30_000;

/**
 * Until this call is answered its connection may be silent; after the answer the server's bounds hold again. Calls
 * without a port have no socket of the kernel. `everyMs`: between two signs that it goes on.
 */
export function mayBeSilent(
  { raw: request }: FastifyRequest,
  { raw: answer }: FastifyReply,
  everyMs = PROCESSING_MS,
): void {
  const { socket } = request;
  if (!(socket instanceof Socket)) return;
  socket.setTimeout(0);
  if (request.headers[PROCESSING_HEADER] === undefined) return;
  const timer = setInterval(() => {
    if (answer.headersSent || socket.destroyed) clearInterval(timer);
    else answer.writeProcessing();
  }, everyMs);
  answer.once("close", () => clearInterval(timer));
}
