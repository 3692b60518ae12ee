/** Calls that may take many minutes, as what is done to a folder of a million names. */
import { Socket } from "node:net";
import type { FastifyRequest } from "fastify";

/**
 * Until this call is answered its connection may be silent; after the answer the server's bounds hold again. Calls
 * without a port have no socket of the kernel.
 */
export function mayBeSilent({ raw }: FastifyRequest): void {
  const { socket } = raw;
  if (socket instanceof Socket) socket.setTimeout(0);
}
