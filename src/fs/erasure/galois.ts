/**
 * Arithmetic of GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d), as in Plank's "A Tutorial on
 * Reed-Solomon Coding for Fault-Tolerance in RAID-like Systems" (1997), and matrices over it.
 */
import { assert } from "../../std/assert.ts";

const POLYNOMIAL = 0x11d;

/** Powers of the generator 2, twice over, so that sums of two logarithms need no remainder. */
const POWERS = new Uint8Array(510);
const LOGARITHMS = new Uint8Array(256);
let power = 1;
for (let exponent = 0; exponent < 255; exponent++) {
  POWERS[exponent] = power;
  POWERS[exponent + 255] = power;
  LOGARITHMS[power] = exponent;
  power <<= 1;
  if (power > 255) power ^= POLYNOMIAL;
}

/** The product of two elements. */
export function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return POWERS[(LOGARITHMS[a] ?? 0) + (LOGARITHMS[b] ?? 0)] ?? 0;
}

/** The inverse of an element other than 0. */
export function inverse(a: number): number {
  assert(a > 0 && a < 256, "zero has no inverse");
  return POWERS[255 - (LOGARITHMS[a] ?? 0)] ?? 0;
}

/** Rows of elements. */
export type Matrix = readonly (readonly number[])[];

/** The inverse of a square matrix that has one, by Gauss and Jordan. */
export function invert(matrix: Matrix): Matrix {
  const size = matrix.length;
  const rows = matrix.map((row, at) => [
    ...row,
    ...Array.from({ length: size }, (_, column) => (column === at ? 1 : 0)),
  ]);
  for (let column = 0; column < size; column++) {
    const pivot = rows.findIndex((row, at) => at >= column && row[column] !== 0);
    assert(pivot >= 0, "the matrix has an inverse");
    const chosen = rows[pivot] ?? [];
    rows[pivot] = rows[column] ?? [];
    const factor = inverse(chosen[column] ?? 0);
    const scaled = chosen.map((element) => multiply(element, factor));
    rows[column] = scaled;
    for (const [at, row] of rows.entries()) {
      const times = row[column] ?? 0;
      if (at === column || times === 0) continue;
      rows[at] = row.map((element, place) => element ^ multiply(times, scaled[place] ?? 0));
    }
  }
  return rows.map((row) => row.slice(size));
}

/** A row times a matrix. */
export function timesMatrix(row: readonly number[], matrix: Matrix): readonly number[] {
  return (matrix[0] ?? []).map((_, column) =>
    row.reduce((sum, element, at) => sum ^ multiply(element, matrix[at]?.[column] ?? 0), 0),
  );
}
