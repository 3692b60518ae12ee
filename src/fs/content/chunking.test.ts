import fc from "fast-check";
import { expect, test } from "vitest";
import { chunkFor, gather, inPieces, randomBytes } from "../../../test/lib/content-kit.ts";
import { CHUNK_BYTES_MAX, type Chunking } from "./chunk.ts";
import { chunksOf } from "./chunking.ts";
import { CDC_BYTES_AVERAGE, CDC_BYTES_MAX, CDC_BYTES_MIN } from "./gear.ts";

const MIB = 1024 * 1024;
const CHUNKINGS: readonly Chunking[] = ["fixed-1", "content-1"];

async function sizesOf(bytes: Uint8Array, chunking: Chunking): Promise<readonly number[]> {
  return (await gather(chunksOf([bytes], chunking))).map(({ chunk }) => chunk.bytes);
}

test("a stream of nothing has no chunks", async () => {
  for (const chunking of CHUNKINGS) {
    expect(await gather(chunksOf([], chunking))).toEqual([]);
    expect(await gather(chunksOf([new Uint8Array(0)], chunking))).toEqual([]);
  }
});

test("fixed chunks have 1 MiB but for the last", async () => {
  expect(await sizesOf(randomBytes(1), "fixed-1")).toEqual([1]);
  expect(await sizesOf(randomBytes(MIB - 1), "fixed-1")).toEqual([MIB - 1]);
  expect(await sizesOf(randomBytes(MIB), "fixed-1")).toEqual([MIB]);
  expect(await sizesOf(randomBytes(MIB + 1), "fixed-1")).toEqual([MIB, 1]);
  expect(await sizesOf(randomBytes(3 * MIB), "fixed-1")).toEqual([MIB, MIB, MIB]);
});

test("the cuts do not depend on the buffers in which bytes come, and chunks are the bytes", async () => {
  const bytes = randomBytes(3 * MIB + 12_345);
  for (const chunking of CHUNKINGS) {
    const whole = (await gather(chunksOf([bytes], chunking))).map(({ chunk }) => chunk);
    const property = fc.asyncProperty(
      fc.integer(),
      fc.constantFrom(1000, 65_536, 2 * MIB),
      async (seed, pieceBytesMax) => {
        const got = await gather(chunksOf(inPieces(bytes, pieceBytesMax, seed), chunking));
        expect(got.map(({ chunk }) => chunk)).toEqual(whole);
        expect(got.map(({ data }) => chunkFor(data))).toEqual(whole);
        expect(Buffer.concat(got.map(({ data }) => data)).equals(bytes)).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 15 });
  }
});

test("a stream of single bytes has the same chunks", async () => {
  const bytes = randomBytes(300_000);
  const single = await gather(chunksOf(inPieces(bytes, 1), "content-1"));
  expect(single.map(({ chunk }) => chunk.bytes)).toEqual(await sizesOf(bytes, "content-1"));
});

test("chunks by content are within their bounds and about the average", async () => {
  const sizes = await sizesOf(randomBytes(64 * MIB), "content-1");
  const inner = sizes.slice(0, -1);
  expect(Math.min(...inner)).toBeGreaterThanOrEqual(CDC_BYTES_MIN);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(CDC_BYTES_MAX);
  const average = inner.reduce((sum, size) => sum + size, 0) / inner.length;
  expect(average).toBeGreaterThan(CDC_BYTES_AVERAGE * 0.8);
  expect(average).toBeLessThan(CDC_BYTES_AVERAGE * 1.6);
});

test("bytes that never allow a cut are cut at the largest size", async () => {
  expect(await sizesOf(new Uint8Array(2 * CDC_BYTES_MAX + 5), "content-1")).toEqual([
    CDC_BYTES_MAX,
    CDC_BYTES_MAX,
    5,
  ]);
  expect(CDC_BYTES_MAX).toBeLessThanOrEqual(CHUNK_BYTES_MAX);
});

test("a byte put into the middle changes a few chunks by content and half of the fixed ones", async () => {
  const bytes = randomBytes(16 * MIB);
  const middle = 8 * MIB + 77;
  const longer = Buffer.concat([bytes.subarray(0, middle), Buffer.of(1), bytes.subarray(middle)]);
  const changed = async (chunking: Chunking): Promise<number> => {
    const before = new Set((await gather(chunksOf([bytes], chunking))).map((c) => c.chunk.cid));
    const after = await gather(chunksOf([longer], chunking));
    return after
      .filter(({ chunk }) => !before.has(chunk.cid))
      .reduce((sum, { chunk }) => sum + chunk.bytes, 0);
  };
  expect(await changed("content-1")).toBeLessThan(3 * CDC_BYTES_MAX);
  expect(await changed("fixed-1")).toBeGreaterThan(7 * MIB);
});

test("the cuts of content-1 are those that volumes have stored", async () => {
  // If this fails the format has changed: take the change back, or make a "content-2".
  expect((await sizesOf(randomBytes(2 * MIB, 7), "content-1")).join(" ")).toBe(
    "289504 321124 116332 288033 361638 259575 243247 217699",
  );
});

test("a chunk inside a buffer of the source is not copied", async () => {
  const bytes = randomBytes(2 * MIB + 5);
  const got = await gather(chunksOf([bytes], "fixed-1"));
  expect(got.map(({ data }) => data.buffer === bytes.buffer)).toEqual([true, true, false]);
});

test("the source is asked for no more than the consumer takes", async () => {
  let asked = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      asked++;
      yield randomBytes(MIB, asked);
    }
  }
  const chunks = chunksOf(endless(), "fixed-1");
  await chunks.next();
  await chunks.next();
  expect(asked).toBe(2);
  await chunks.return(undefined);
});
