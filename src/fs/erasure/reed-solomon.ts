/**
 * A systematic Reed-Solomon code over GF(2^8) whose parity is a Cauchy matrix: Blömer et al., "An XOR-Based
 * Erasure-Resilient Coding Scheme" (ICSI TR-95-048, 1995). Every square part of a Cauchy matrix has an inverse, so
 * any so many members as there is data make all others, and a stripe of less data is the same code with fewer
 * columns. No element of ours is 1: parity is never one of the blocks that it was made from, unless these are zeros.
 */
import { assert } from "../../std/assert.ts";
import { inverse, invert, type Matrix, timesMatrix } from "./galois.ts";
import { combine } from "./kernel.ts";

/** Data and parity of one stripe. */
export const STRIPE_DATA_MAX = 16;
export const STRIPE_PARITY_MAX = 8;

/** Rows have elements from here on, columns those below. */
const ROWS_FROM = 128;

/** A member of a stripe: its data first, then its parity. */
export interface StripeMember {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** What each data block counts in a member. */
function rowOf(index: number, dataCount: number): readonly number[] {
  return Array.from({ length: dataCount }, (_, column) =>
    index < dataCount
      ? Number(column === index)
      : inverse((ROWS_FROM + index - dataCount) ^ column),
  );
}

/** The parity of a stripe, as long as its longest block; 1 to `STRIPE_DATA_MAX` blocks. */
export function parityOf(
  data: readonly Uint8Array[],
  parityCount: number,
): readonly Uint8Array<ArrayBuffer>[] {
  const { length } = data;
  assert(length >= 1 && length <= STRIPE_DATA_MAX, "a stripe has data within its bounds");
  assert(
    parityCount >= 1 && parityCount <= STRIPE_PARITY_MAX,
    "a stripe has parity within its bounds",
  );
  const rows = Array.from({ length: parityCount }, (_, at) => rowOf(length + at, length));
  return combine(rows, data, Math.max(...data.map(({ length: bytes }) => bytes)));
}

/**
 * A member made from others: exactly as many as there is data, each with an index of its own. `bytes` is how long
 * it was; where that is shorter than the longest, what follows is zeros and cut off.
 */
export function recoverMember(
  members: readonly StripeMember[],
  wanted: { readonly index: number; readonly bytes: number },
): Uint8Array<ArrayBuffer> {
  const dataCount = members.length;
  assert(new Set(members.map(({ index }) => index)).size === dataCount, "members are different");
  const known: Matrix = members.map(({ index }) => rowOf(index, dataCount));
  const factors = timesMatrix(rowOf(wanted.index, dataCount), invert(known));
  const sources = members.map(({ bytes }) => bytes);
  const [made] = combine([factors], sources, wanted.bytes);
  assert(made !== undefined, "one row makes one block");
  return made;
}
