/** Any so many members as there is data make every other one. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inverse, multiply } from "./galois.ts";
import { SLICE_BYTES } from "./kernel.ts";
import { parityOf, recoverMember, STRIPE_DATA_MAX, STRIPE_PARITY_MAX } from "./reed-solomon.ts";

/** Long division, bit by bit: slow, and without tables. */
function slowProduct(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) if ((b >> bit) & 1) product ^= a << bit;
  for (let bit = 14; bit >= 8; bit--) if ((product >> bit) & 1) product ^= 0x11d << (bit - 8);
  return product;
}

describe("the field", () => {
  test("products are those of polynomials modulo 0x11d", () => {
    for (let a = 0; a < 256; a++)
      for (let b = 0; b < 256; b++) expect(multiply(a, b)).toBe(slowProduct(a, b));
  });

  test("every element but zero times its inverse is one", () => {
    for (let a = 1; a < 256; a++) expect(multiply(a, inverse(a))).toBe(1);
  });
});

/** Bytes that look random and are the same for the same seed. */
function blockOf(seed: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 + 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

describe("a stripe", () => {
  test("parity is, byte for byte, the sum of data times its factors", () => {
    const data = [blockOf(1, 37), blockOf(2, 20), blockOf(3, 37)];
    const [first, second] = parityOf(data, 2);
    for (let at = 0; at < 37; at++) {
      const sum = (row: number): number =>
        data.reduce(
          (all, block, column) => all ^ slowProduct(block[at] ?? 0, inverse((128 + row) ^ column)),
          0,
        );
      expect([first?.[at], second?.[at]]).toEqual([sum(0), sum(1)]);
    }
  });

  test("any so many members as there is data make every other member, whatever their lengths", () => {
    const stripes = fc.record({
      lengths: fc.array(fc.integer({ min: 1, max: SLICE_BYTES + 40 }), {
        minLength: 1,
        maxLength: STRIPE_DATA_MAX,
      }),
      parity: fc.integer({ min: 1, max: STRIPE_PARITY_MAX }),
      seed: fc.nat(),
      order: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(stripes, ({ lengths, parity, seed, order }) => {
        const data = lengths.map((length, at) => blockOf(seed + at, length));
        const members = [...data, ...parityOf(data, parity)].map((bytes, index) => ({
          index,
          bytes,
          place: Number(order.next().value),
        }));
        const shuffled = members.toSorted((a, b) => a.place - b.place);
        const left = shuffled.slice(0, data.length);
        for (const { index, bytes } of shuffled.slice(data.length)) {
          const made = recoverMember(left, { index, bytes: bytes.length });
          expect(Buffer.compare(made, bytes)).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("parity of a block and zeros is not that block again", () => {
    const block = blockOf(5, 100);
    const [parity] = parityOf([block, new Uint8Array(100)], 1);
    expect(parity).not.toEqual(block);
  });
});
