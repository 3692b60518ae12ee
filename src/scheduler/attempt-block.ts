/**
 * Attempts that one grant made: consecutive children of a range under consecutive tokens, in one row.
 * R16: each child has a token of its own, so the children of a block end one by one.
 */
import { assert } from "../std/assert.ts";
import { BLOCK_CHILDREN, COMMAND_ORDINALS } from "./keys.ts";
import type { AttemptRow } from "./rows.ts";
import type { Token, UnitRef } from "./unit.ts";

/** Children of one grant. Their states are the bits of one number, so no more than 32. */
export const GRANT_CHILDREN_MAX: number = BLOCK_CHILDREN;
assert(GRANT_CHILDREN_MAX <= 32, "a bit for each child of a grant");
assert(GRANT_CHILDREN_MAX <= COMMAND_ORDINALS, "a token for each child of a grant");

/** The token that names the row of the attempt's block, and the attempt's place in it. */
export function placeOfToken(token: Token): { readonly block: Token; readonly at: number } {
  const at = token.ordinal % COMMAND_ORDINALS;
  return { block: { index: token.index, ordinal: token.ordinal - at }, at };
}

/** The token of the attempt at a place of a block. */
export function tokenAt(block: Token, at: number): Token {
  return { index: block.index, ordinal: block.ordinal + at };
}

/** The unit of the attempt at a place of a block. */
export function unitAt(row: AttemptRow, at: number): UnitRef {
  if (at === 0) return row.unit;
  const { unit } = row;
  const first = unit.path.at(-1);
  assert(unit.kind === "map" && first !== undefined, "only children of a range share a grant");
  return { ...unit, path: [...unit.path.slice(0, -1), first + at] };
}

/** All attempts of a new block. */
export function allOpen(count: number): number {
  assert(count >= 1 && count <= GRANT_CHILDREN_MAX, "a grant has a few children");
  return 2 ** count - 1;
}

/** Whether the attempt at a place is live. */
export function isOpen(open: number, at: number): boolean {
  return at < GRANT_CHILDREN_MAX && ((open >>> at) & 1) === 1;
}

/** What is live without the attempt at a place. */
export function without(open: number, at: number): number {
  return (open & ~(1 << at)) >>> 0;
}

/** Places of the live attempts. */
export function openPlaces(open: number): readonly number[] {
  const places: number[] = [];
  for (let at = 0; at < GRANT_CHILDREN_MAX; at++) if (isOpen(open, at)) places.push(at);
  return places;
}
