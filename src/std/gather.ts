/** Streams of bytes whose length is known, as one piece. */
import { assert } from "./assert.ts";

/** All parts, one after the other; they have `length` bytes together, which the caller has bounded. */
export async function gather(
  parts: AsyncIterable<Uint8Array>,
  length: number,
): Promise<Uint8Array> {
  const whole = new Uint8Array(length);
  let at = 0;
  for await (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  assert(at === length, "parts have together the length that was said");
  return whole;
}
