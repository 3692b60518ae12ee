/**
 * A 64-bit hash of a key and a value, and sums of such hashes: the state hash of a replica is the
 * sum over all its rows, so a row that changes costs one subtraction and one addition. Two lanes
 * of 32 bits, because BigInt allocates on every step. It finds accidents, not attackers.
 *
 * H1. The result depends on nothing but the bytes and where the key ends, on every machine alike:
 *     bytes are read little-endian by hand, all arithmetic is modulo 2^32.
 * H2. The vectors in the test are for ever: replicas of different versions compare sums.
 */

/** A number of 64 bits as two unsigned halves of 32. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** The sum of no hashes. */
export const HASH64_ZERO: Hash64 = { high: 0, low: 0 };

// Odd constants with about half their bits set, drawn once; a step with one of them is reversible,
// so no two states of a lane ever run together.
const SEED_HIGH = 0x5bd6a3c9;
const SEED_LOW = 0x9c2f71e5;
const STEP_HIGH = 0xb4a9d3c5;
const STEP_LOW = 0x8d5e36b7;
const FINAL_FIRST = 0xa6c3b52d;
const FINAL_SECOND = 0xcb39e6d1;

const TWO_TO_32 = 2 ** 32;

/** The bits of a half, mixed so that each depends on every other; reversible. */
function avalanche(half: number): number {
  let mixed = half;
  mixed = Math.imul(mixed ^ (mixed >>> 16), FINAL_FIRST);
  mixed = Math.imul(mixed ^ (mixed >>> 15), FINAL_SECOND);
  return mixed ^ (mixed >>> 16);
}

/** The hash of a row. `key` is latin1: one byte per character, none above U+00FF. */
export function hash64(key: string, value: Uint8Array): Hash64 {
  let high = SEED_HIGH ^ key.length;
  let low = SEED_LOW ^ value.length;
  // A word of 32 bits goes into both lanes; each lane then rotates by another amount and takes
  // from the other, so that swapped or repeated words do not cancel.
  const keyWords = key.length & ~3;
  for (let position = 0; position < keyWords; position += 4) {
    const word =
      key.charCodeAt(position) |
      (key.charCodeAt(position + 1) << 8) |
      (key.charCodeAt(position + 2) << 16) |
      (key.charCodeAt(position + 3) << 24);
    low = Math.imul(low ^ word, STEP_LOW);
    low = (low << 13) | (low >>> 19);
    high = Math.imul((high + word) ^ low, STEP_HIGH);
    high = (high << 17) | (high >>> 15);
  }
  let tail = 0;
  for (let position = keyWords; position < key.length; position++) {
    tail = (tail << 8) | key.charCodeAt(position);
  }
  low = Math.imul(low ^ tail, STEP_LOW);
  low = (low << 13) | (low >>> 19);
  high = Math.imul((high + tail) ^ low, STEP_HIGH);
  high = (high << 17) | (high >>> 15);
  const valueWords = value.length & ~3;
  for (let position = 0; position < valueWords; position += 4) {
    const word =
      (value[position] ?? 0) |
      ((value[position + 1] ?? 0) << 8) |
      ((value[position + 2] ?? 0) << 16) |
      ((value[position + 3] ?? 0) << 24);
    low = Math.imul(low ^ word, STEP_LOW);
    low = (low << 13) | (low >>> 19);
    high = Math.imul((high + word) ^ low, STEP_HIGH);
    high = (high << 17) | (high >>> 15);
  }
  tail = 0;
  for (let position = valueWords; position < value.length; position++) {
    tail = (tail << 8) | (value[position] ?? 0);
  }
  low = Math.imul(low ^ tail, STEP_LOW);
  high = Math.imul((high + tail) ^ low, STEP_HIGH);
  const first = avalanche(low ^ ((high << 11) | (high >>> 21)));
  const second = avalanche(high + first);
  return { high: second >>> 0, low: (first ^ ((second << 7) | (second >>> 25))) >>> 0 };
}

/** The sum modulo 2^64. */
export function addHash64(a: Hash64, b: Hash64): Hash64 {
  const low = a.low + b.low;
  const carry = low >= TWO_TO_32 ? 1 : 0;
  return { high: (a.high + b.high + carry) >>> 0, low: low >>> 0 };
}

/** What must be added to `b` to get `a`, modulo 2^64. */
export function subtractHash64(a: Hash64, b: Hash64): Hash64 {
  const low = a.low - b.low;
  const borrow = low < 0 ? 1 : 0;
  return { high: (a.high - b.high - borrow) >>> 0, low: low >>> 0 };
}

/** Whether two hashes are the same number. */
export function sameHash64(a: Hash64, b: Hash64): boolean {
  return a.high === b.high && a.low === b.low;
}

/** Sixteen hexadecimal digits, for people and logs. */
export function hash64Text(hash: Hash64): string {
  return hash.high.toString(16).padStart(8, "0") + hash.low.toString(16).padStart(8, "0");
}
