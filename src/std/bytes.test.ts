import fc from "fast-check";
import { expect, test } from "vitest";
import {
  compareBytes,
  concatBytes,
  equalBytes,
  fromHex,
  readUint32,
  readVarint,
  toHex,
  VARINT_MAX,
  varintLength,
  writeUint32,
  writeVarint,
} from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 12 });

test("bytes are ordered as their hexadecimal is", () => {
  fc.assert(
    fc.property(bytes, bytes, (left, right) => {
      const [a, b] = [toHex(left), toHex(right)];
      expect(Math.sign(compareBytes(left, right))).toBe(a < b ? -1 : a > b ? 1 : 0);
      expect(equalBytes(left, right)).toBe(a === b);
    }),
  );
});

test("hexadecimal gives the bytes back, and nothing else is taken", () => {
  fc.assert(
    fc.property(bytes, (value) => {
      expect(fromHex(toHex(value))).toEqual(value);
    }),
  );
  expect(toHex(Uint8Array.of(0, 15, 255))).toBe("000fff");
  for (const text of ["0", "AB", "0g", "0x"]) expect(fromHex(text)).toBeUndefined();
});

test("joined parts follow each other", () => {
  const parts = [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)];
  expect(concatBytes(parts)).toEqual(Uint8Array.of(1, 2, 3));
});

test("32 bits are written big endian and read unsigned", () => {
  const target = new Uint8Array(6);
  writeUint32(target, 1, 0xfedcba98);
  expect(toHex(target)).toBe("00fedcba9800");
  expect(readUint32(target, 1)).toBe(0xfedcba98);
});

test("a varint gives its number back in its shortest form", () => {
  const vectors = { 0: "00", 127: "7f", 128: "8001", 300: "ac02", 16384: "808001" };
  for (const [value, hex] of Object.entries(vectors)) {
    const target = new Uint8Array(varintLength(Number(value)));
    expect(writeVarint(target, 0, Number(value))).toBe(target.length);
    expect(toHex(target)).toBe(hex);
  }
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      const target = new Uint8Array(12);
      const end = writeVarint(target, 2, value);
      expect(end - 2).toBe(varintLength(value));
      expect(readVarint(target, 2, end)).toBe(value);
      expect(readVarint(target, 2, end - 1)).toBe(-1);
    }),
    { examples: [[VARINT_MAX], [0], [0x3fff], [0x4000], [2 ** 49]] },
  );
});

test("a varint that is too long, too large or cut short is not read", () => {
  for (const hex of ["", "80", "8000", "ff8000", "ffffffffffffff7f80", "ffffffffffffffff0f"]) {
    expect(readVarint(fromHex(hex) ?? new Uint8Array(0), 0), hex).toBe(-1);
  }
  expect(readVarint(fromHex("ffffffffffffff0f") ?? new Uint8Array(0), 0)).toBe(VARINT_MAX);
  expect(readVarint(fromHex("ffffffffffffff10") ?? new Uint8Array(0), 0)).toBe(-1);
});
