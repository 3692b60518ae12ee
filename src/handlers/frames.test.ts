import { expect, test } from "vitest";
import { encodeKey } from "../std/ordered-key.ts";
import { FRAME_BYTES_MAX } from "../wire/worker-protocol.ts";
import { groupFrames, groupFramesOf, pairFrames, pairFramesOf } from "./frames.ts";
import type { PairRecord } from "./ports.ts";

/** Small pairs, and one whose value nearly fills a frame by itself. */
const RECORDS: readonly PairRecord[] = [
  ...Array.from({ length: 500 }, (_, at) => ({
    key: encodeKey(`a${at}`),
    value: new Uint8Array(100).fill(0x31),
  })),
  { key: encodeKey("b"), value: new Uint8Array(FRAME_BYTES_MAX - 1_000).fill(0x31) },
];

async function* once<T>(batch: T): AsyncGenerator<T> {
  yield batch;
}

async function bytesOf(frames: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const frame of frames) bytes += frame.length;
  return bytes;
}

test("a pair that a frame can hold passes, whatever small ones come before it", async () => {
  const least = FRAME_BYTES_MAX - 1_000 + 500 * 100;
  const groups = RECORDS.map(({ key, value }) => ({ key, values: [value], last: true }));
  expect(await bytesOf(pairFrames(once(RECORDS), { records: 0 }))).toBeGreaterThan(least);
  expect(await bytesOf(groupFrames(once(groups), { records: 0 }))).toBeGreaterThan(least);
  for (const frames of [pairFramesOf(RECORDS), groupFramesOf(RECORDS)]) {
    expect(frames.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(least);
  }
});
