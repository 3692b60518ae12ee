import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, concatBytes, fromHex, toHex } from "../std/bytes.ts";
import { JobxError } from "../std/errors.ts";
import {
  decodePairs,
  encodePairs,
  RECORD_BYTES_MAX,
  RecordCursor,
  recordLength,
  writeRecord,
} from "./pairs.ts";

const bytes = fc.uint8Array({ maxLength: 200 });
const pairs = fc.array(fc.record({ key: bytes, value: bytes }), { maxLength: 20 });

function malformedAt(hex: string): unknown {
  try {
    decodePairs(fromHex(hex) ?? new Uint8Array(0));
  } catch (error) {
    if (!(error instanceof JobxError)) throw error;
    expect(error.code).toBe("PAIRS_MALFORMED");
    return Number(/byte (\d+)/.exec(error.message)?.[1]);
  }
  return "none";
}

test("pairs have the recorded bytes", () => {
  const value = new Uint8Array(200).fill(0x76);
  const encoded = encodePairs([
    { key: Uint8Array.of(1, 2), value: Uint8Array.of(3) },
    { key: new Uint8Array(0), value },
  ]);
  expect(toHex(encoded)).toBe(`0201020103${"00"}${"c801"}${"76".repeat(200)}`);
});

test("pairs come back from their bytes, whatever lies around them", () => {
  fc.assert(
    fc.property(pairs, bytes, bytes, (list, before, after) => {
      const encoded = encodePairs(list);
      expect(decodePairs(encoded)).toEqual(list);
      const all = Buffer.concat([before, encoded, after]);
      const range = { start: before.length, end: before.length + encoded.length };
      const cursor = new RecordCursor(all, range);
      for (const [index, pair] of list.entries()) {
        expect(cursor.next()).toBe(true);
        expect(cursor.passed).toBe(index + 1);
        expect([cursor.key(), cursor.value()]).toEqual([pair.key, pair.value]);
        expect(cursor.recordEnd - cursor.recordStart).toBe(recordLength(pair));
        expect(cursor.keyEquals(pair.key)).toBe(true);
      }
      expect(cursor.next()).toBe(false);
    }),
  );
});

test("a pair is copied whole", () => {
  fc.assert(
    fc.property(bytes, bytes, (key, value) => {
      const cursor = new RecordCursor(encodePairs([{ key, value }]));
      cursor.next();
      const target = new Uint8Array(cursor.recordEnd + 1);
      cursor.copyTo(target, 1);
      expect(decodePairs(target.subarray(1))).toEqual([{ key, value }]);
      expect(writeRecord(target, 1, { key, value })).toBe(target.length);
    }),
  );
});

test("keys at cursors are compared as their bytes are", () => {
  const key = fc.uint8Array({ max: 3, maxLength: 4 });
  const value = Uint8Array.of(7);
  fc.assert(
    fc.property(key, key, (left, right) => {
      const one = new RecordCursor(encodePairs([{ key: left, value }]));
      const both = new RecordCursor(
        encodePairs([
          { key: left, value },
          { key: right, value },
        ]),
      );
      one.next();
      both.next();
      expect(both.inOrder()).toBe(true);
      both.next();
      const order = compareBytes(left, right);
      expect(Math.sign(one.compareKey(both))).toBe(Math.sign(order));
      expect(both.inOrder()).toBe(order <= 0);
      expect(both.keyEquals(left)).toBe(order === 0);
    }),
    { numRuns: 500 },
  );
});

test("bytes that are no pairs are refused, with the place of the first that is none", () => {
  expect(malformedAt("")).toBe("none");
  const bad = {
    "01": "no key",
    "0161": "no value's length",
    "016101": "no value",
    "01610500": "a value cut short",
    "80": "a length cut short",
    "800000": "a length with more bytes than it needs",
    "0080": "a value's length cut short",
    ffffffffffffff0f00: "a key longer than any",
  };
  for (const [hex, why] of Object.entries(bad)) {
    expect(malformedAt(hex), why).toBe(0);
    expect(malformedAt(`016100${hex}`), why).toBe(3);
  }
});

test("a pair beyond the largest size is refused even if it is all there", () => {
  const encoded = new Uint8Array(RECORD_BYTES_MAX + 16);
  const key = new Uint8Array(0);
  writeRecord(encoded, 0, { key, value: encoded.subarray(0, RECORD_BYTES_MAX) });
  expect(() => new RecordCursor(encoded).next()).toThrow(/no whole pair/);
});

test("any bytes are pairs or are refused", () => {
  const part = fc.oneof(fc.uint8Array({ max: 4, maxLength: 6 }), fc.uint8Array({ maxLength: 6 }));
  fc.assert(
    fc.property(part, part, (left, right) => {
      const garbage = concatBytes([left, right]);
      if (malformedAt(toHex(garbage)) === "none") {
        expect(encodePairs(decodePairs(garbage))).toEqual(garbage);
      }
    }),
    { numRuns: 2000 },
  );
});
