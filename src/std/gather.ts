/** Streams of bytes whose length is known, as one piece. */
import { assert } from "./assert.ts";
import { concatBytes } from "./bytes.ts";

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

/**
 * The same bytes in pieces of `pieceBytes`, but for the last one. Bytes wait here until a piece is full or the
 * stream ends. A part that is a piece is handed on as it is; others are copied, so the source gives them away.
 */
export async function* regathered(
  parts: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const part of parts) {
    if (waitingBytes === 0 && part.length === pieceBytes) {
      yield part;
      continue;
    }
    let rest = part;
    while (waitingBytes + rest.length >= pieceBytes) {
      const end = pieceBytes - waitingBytes;
      yield concatBytes([...waiting, rest.subarray(0, end)]);
      waiting = [];
      waitingBytes = 0;
      rest = rest.subarray(end);
    }
    if (rest.length > 0) waiting.push(rest);
    waitingBytes += rest.length;
  }
  if (waitingBytes > 0) yield concatBytes(waiting);
}
