/** The body of a call that brings content. */
import { apiError } from "./errors.ts";

/** A call that says nothing puts an empty file. @throws {JobxError} `API_CALLER_GONE` for one that breaks off. */
export async function* bodyOf(
  body: AsyncIterable<Uint8Array> | null | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null || body === undefined) return;
  try {
    yield* body;
  } catch (cause) {
    const message = "the caller hung up before all of the file was here";
    throw apiError({ code: "API_CALLER_GONE" }, message, { cause });
  }
}
