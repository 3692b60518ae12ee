/** Bodies that are handed on as they come. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { apiError } from "./errors.ts";

/** Nothing for a call that has none. */
export type StreamedBody = AsyncIterable<Uint8Array> | null | undefined;

/** After a refusal: what the caller still sends is not waited for. */
export function hangUp(request: FastifyRequest, reply: FastifyReply): void {
  if (!request.raw.complete) reply.header("connection", "close");
}

/** A call that says nothing puts an empty file. @throws {JobxError} `API_CALLER_GONE` for one that breaks off. */
export async function* contentOf(body: StreamedBody): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null || body === undefined) return;
  try {
    yield* body;
  } catch (cause) {
    const message = "the caller hung up before all of the file was here";
    throw apiError({ code: "API_CALLER_GONE" }, message, { cause });
  }
}
