import fc from "fast-check";
import { expect, test } from "vitest";
import { CRC32C_EMPTY, crc32c, crc32cLatin1 } from "./crc32c.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const of = (bytes: Uint8Array): number => crc32c(CRC32C_EMPTY, bytes);

/** Bit by bit from the definition, nothing shared with the code under test. */
function slow(bytes: Uint8Array): number {
  let register = 0xffffffff;
  for (const byte of bytes) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      const carry = register & 1;
      register >>>= 1;
      if (carry) register ^= 0x82f63b78;
    }
  }
  return (register ^ 0xffffffff) >>> 0;
}

test("the check value of the digits 1 to 9 is the published one", () => {
  expect(of(ascii("123456789"))).toBe(0xe3069283);
});

test("the iSCSI vectors come out (RFC 3720, B.4)", () => {
  expect(of(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(of(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(of(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(of(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
});

test("it agrees with the definition, whole or in two parts", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
      const at = Math.min(cut, bytes.length);
      expect(of(bytes)).toBe(slow(bytes));
      expect(crc32c(crc32c(CRC32C_EMPTY, bytes, 0, at), bytes, at)).toBe(slow(bytes));
      const text = String.fromCharCode(...bytes);
      expect(crc32cLatin1(CRC32C_EMPTY, text)).toBe(slow(bytes));
    }),
  );
});
