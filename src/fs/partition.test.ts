import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHex } from "../std/bytes.ts";
import { PARTS_MAX, partitionOf } from "./partition.ts";

/** A key's bytes, the number of parts, the part: from another program. */
const VECTORS = [
  ["02", 2, 1],
  ["02", 3, 1],
  ["02", 4096, 1165],
  ["0600", 2, 1],
  ["0600", 3, 0],
  ["0600", 4096, 1277],
  ["066100", 7, 3],
  ["066100", 1000, 278],
  ["066100", 4095, 3713],
  ["05bff0000000000000", 10, 0],
  ["05bff0000000000000", 65, 0],
  ["05bff0000000000000", 4096, 912],
  ["0706610005bff000000000000000", 3, 2],
  ["0706610005bff000000000000000", 97, 1],
  ["0706610005bff000000000000000", 4096, 6],
] as const;

test("the recorded keys belong to the recorded parts", () => {
  for (const [hex, parts, part] of VECTORS) {
    expect(partitionOf(fromHex(hex) ?? new Uint8Array(0), parts), hex).toBe(part);
  }
});

test("a part is what exact arithmetic says", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.integer({ min: 1, max: PARTS_MAX }), (key, parts) => {
      const first = createHash("sha256").update(key).digest().readBigUInt64BE(0);
      expect(partitionOf(key, parts)).toBe(Number(first % BigInt(parts)));
    }),
  );
});

test("the number of parts is bounded", () => {
  for (const parts of [0, -1, 1.5, PARTS_MAX + 1]) {
    expect(() => partitionOf(new Uint8Array(1), parts)).toThrow(/bounds/);
  }
});
