/** An upload that takes its time, so that something can happen in the middle of it. */
import { setTimeout as sleep } from "node:timers/promises";

const PART_BYTES = 1024 * 1024;

/** Sends a file part by part, with `partMs` before each, and tells when half of it was sent. */
export function slowBody(
  bytes: Uint8Array<ArrayBuffer>,
  { partMs, onHalf }: { readonly partMs: number; readonly onHalf: () => void },
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    async pull(stream): Promise<void> {
      await sleep(partMs);
      stream.enqueue(bytes.subarray(at, at + PART_BYTES));
      at += PART_BYTES;
      if (at === bytes.length / 2) onHalf();
      if (at >= bytes.length) stream.close();
    },
  });
}
