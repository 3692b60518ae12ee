import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addHash64,
  HASH64_ZERO,
  type Hash64,
  hash64,
  hash64Text,
  sameHash64,
  subtractHash64,
} from "./hash64.ts";

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const big = (hash: Hash64): bigint => (BigInt(hash.high) << 32n) | BigInt(hash.low);
const half = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyHash = fc.record({ high: half, low: half });

test("the vectors are those of every version before (H2)", () => {
  const counted = Uint8Array.from({ length: 256 }, (_, i) => i);
  const rows: [string, Uint8Array][] = [
    ["", new Uint8Array()],
    ["a", new Uint8Array()],
    ["", Uint8Array.of(0x61)],
    ["abcd", Uint8Array.of(1, 2, 3, 4)],
    ["abcde", Uint8Array.of(1, 2, 3, 4, 5)],
    ["\u00ff\u0000\u0080", Uint8Array.of(0xff, 0, 0x80)],
    ["d/wf-1/00000001/unit", counted],
    [latin1(counted), counted],
  ];
  expect(rows.map(([key, value]) => hash64Text(hash64(key, value)))).toMatchInlineSnapshot(`
    [
      "36eca081afc25670",
      "351ae44a7968d5be",
      "60f46a2ad77db866",
      "9eec0029a72e102c",
      "9bcb23916c4636f8",
      "bb16489b34b18a10",
      "f8902186f66bc2f5",
      "a0fbd617e86b3219",
    ]
  `);
});

test("sums agree with arithmetic on 64 bits and undo each other", () => {
  fc.assert(
    fc.property(anyHash, anyHash, (a, b) => {
      expect(big(addHash64(a, b))).toBe(BigInt.asUintN(64, big(a) + big(b)));
      expect(big(subtractHash64(a, b))).toBe(BigInt.asUintN(64, big(a) - big(b)));
      expect(sameHash64(subtractHash64(addHash64(a, b), b), a)).toBe(true);
      expect(sameHash64(addHash64(a, HASH64_ZERO), a)).toBe(true);
    }),
  );
});

test("where the key ends changes the hash", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (bytes, cutAt) => {
      const cut = cutAt % bytes.length;
      const whole = hash64(latin1(bytes), new Uint8Array());
      const split = hash64(latin1(bytes.subarray(0, cut)), bytes.subarray(cut));
      expect(sameHash64(whole, split)).toBe(false);
    }),
  );
});

test("a flipped bit flips about half of the bits, in both halves", () => {
  const flips: Record<"high" | "low", number> = { high: 0, low: 0 };
  let trials = 0;
  for (let length = 1; length <= 64; length++) {
    const value = Uint8Array.from({ length }, (_, i) => (i * 37) & 0xff);
    const before = hash64("key", value);
    for (let bit = 0; bit < length * 8; bit++) {
      const changed = value.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const after = hash64("key", changed);
      flips.high += ones(before.high ^ after.high);
      flips.low += ones(before.low ^ after.low);
      trials++;
    }
  }
  for (const half of ["high", "low"] as const) {
    expect(flips[half] / trials).toBeGreaterThan(15.5);
    expect(flips[half] / trials).toBeLessThan(16.5);
  }
});

test("counters as keys and values give no two equal hashes, nor equal halves more often than chance", () => {
  const seen = new Set<string>();
  const highs = new Set<number>();
  const lows = new Set<number>();
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    const hash = hash64(`k${i % 317}`, Uint8Array.of(i & 0xff, (i >> 8) & 0xff, i >> 16, 0));
    seen.add(hash64Text(hash));
    highs.add(hash.high);
    lows.add(hash.low);
  }
  expect(seen.size).toBe(count);
  // The birthday bound expects 1.2 equal halves among 100,000.
  expect(highs.size).toBeGreaterThan(count - 10);
  expect(lows.size).toBeGreaterThan(count - 10);
});

function ones(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}
