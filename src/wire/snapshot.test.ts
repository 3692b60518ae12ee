import fc from "fast-check";
import { expect, test } from "vitest";
import type { SnapshotChunk } from "../actors/ports.ts";
import { ChunkReader, encodeChunk } from "./snapshot.ts";

const row = fc.record({
  key: fc.string({ minLength: 1, maxLength: 20 }),
  value: fc.uint8Array({ maxLength: 300 }),
});
const chunk: fc.Arbitrary<SnapshotChunk> = fc.record({
  rows: fc.array(row, { maxLength: 5 }),
  last: fc.boolean(),
});

/** What a reader makes of bytes that come in pieces of the given lengths. */
function read(bytes: Uint8Array, lengths: readonly number[]): readonly SnapshotChunk[] {
  const reader = new ChunkReader();
  const chunks: SnapshotChunk[] = [];
  let at = 0;
  for (const length of [...lengths, bytes.length]) {
    reader.take(bytes.subarray(at, at + length));
    at += length;
    for (let next = reader.next(); next !== undefined; next = reader.next()) chunks.push(next);
  }
  return chunks;
}

const joined = (chunks: readonly SnapshotChunk[]): Uint8Array =>
  Buffer.concat(chunks.map((one) => encodeChunk(one)));

test("chunks are the same wherever a stream cuts them", () => {
  fc.assert(
    fc.property(fc.array(chunk), fc.array(fc.nat(500)), (chunks, lengths) => {
      expect(read(joined(chunks), lengths)).toEqual(chunks);
    }),
  );
});

test("a chunk of which any bit is another is not read", () => {
  const whole = encodeChunk({ rows: [{ key: "k", value: new Uint8Array([1, 2, 3]) }], last: true });
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const damaged = Uint8Array.from(whole);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    let found: readonly SnapshotChunk[] = [];
    try {
      found = read(damaged, []);
    } catch (error) {
      expect(error).toMatchObject({ code: "WIRE_MALFORMED" });
    }
    expect(found).toEqual([]);
  }
});

test("a length that no chunk has is refused before the bytes are waited for", () => {
  const reader = new ChunkReader();
  reader.take(new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0]));
  expect(() => reader.next()).toThrow(/longer than any/);
});
