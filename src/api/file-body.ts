/** Bodies that are handed on as they come. */

import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { apiError } from "./errors.ts";

/** For so long a caller that was refused may still send. */
const LINGER_MS = 2_000;

/** Nothing for a call that has none. */
export type StreamedBody = AsyncIterable<Uint8Array> | null | undefined;

/**
 * After a refusal: what the caller still sends is passed over for a moment, and then its connection is closed. Closed
 * at once it would break while the caller sends, and many read no answer then.
 */
export function hangUp(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = request;
  if (raw.complete) return;
  raw.resume();
  reply.raw.once("finish", () => {
    const late = setTimeout(() => raw.destroy(), LINGER_MS);
    raw.once("close", () => clearTimeout(late));
  });
}

/** A call that says nothing puts an empty file. @throws {JobxError} `API_CALLER_GONE` for one that breaks off. */
export async function* contentOf(body: StreamedBody): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null || body === undefined) return;
  try {
    // Who stops before the end answers first, and hangs up then.
    yield* body instanceof Readable ? body.iterator({ destroyOnReturn: false }) : body;
  } catch (cause) {
    const message = "the caller hung up before all of the file was here";
    throw apiError({ code: "API_CALLER_GONE" }, message, { cause });
  }
}
