/**
 * The keys of the `state/` database. Rows of the state machines are under (group, generation), so
 * that an installed snapshot takes the place of all of them by one record (R5).
 *
 *     a/<group>                           applied record of a group
 *     b                                   store id and sequence base
 *     d/<group>/<generation>/<row key>    a row of the group's state machine
 *     i/<group>                           how far a snapshot of the group has been taken in
 *     k                                   applied indexes as of the newest checkpoint
 *     q/<sequence>                        one per batch, as in the log
 */
import { assert } from "../std/assert.ts";
import { type GroupId, keyNumber } from "./log-keys.ts";

/** The key of the newest checkpoint. */
export const CHECKPOINT_KEY = "k";

/** The range of all applied records. */
export const APPLIED_RANGE = { gte: "a/", lt: "a0" } as const;

/** The key of a group's applied record. */
export function appliedKey(group: GroupId): string {
  return `a/${group}`;
}

/** The group of a key in `APPLIED_RANGE`. */
export function groupOfAppliedKey(key: string): GroupId {
  return key.slice(2);
}

/** The range of all install records. */
export const INSTALL_RANGE = { gte: "i/", lt: "i0" } as const;

/** The key of the record of a group's install. */
export function installKey(group: GroupId): string {
  return `i/${group}`;
}

/** The group of a key in `INSTALL_RANGE`. */
export function groupOfInstallKey(key: string): GroupId {
  return key.slice(2);
}

/** What every row key of a group's generation begins with. */
export function rowPrefix(group: GroupId, generation: number): string {
  return `d/${group}/${keyNumber(generation)}/`;
}

/** The range of all rows of a group, whatever their generation. */
export function groupRowsRange(group: GroupId): { readonly gte: string; readonly lt: string } {
  return { gte: `d/${group}/`, lt: `d/${group}0` };
}

/** The range of all rows of all groups. */
export const ROWS_RANGE = { gte: "d/", lt: "d0" } as const;

/** Where rows of a group's generation are, whose keys begin with `prefix`: those in the given range. */
export function rowsRange(
  ofGeneration: string,
  range: {
    readonly prefix: string;
    readonly gte?: string | undefined;
    readonly lt?: string | undefined;
  },
): { readonly gte: string; readonly lt: string } {
  // A prefix of our own ends in "/", so a row prefix of U+00FF alone still has an end.
  const whole = ofGeneration + range.prefix;
  const gte = ofGeneration + (range.gte ?? "");
  const lt = range.lt === undefined ? prefixEnd(whole) : ofGeneration + range.lt;
  return { gte: inOrder(gte, whole)[1], lt: inOrder(lt, prefixEnd(whole))[0] };
}

/** The lower key, then the higher one. */
function inOrder(a: string, b: string): readonly [string, string] {
  return a < b ? [a, b] : [b, a];
}

/** The group of a key in `ROWS_RANGE`. */
export function parseRowKey(key: string): GroupId {
  return key.slice(2, key.indexOf("/", 2));
}

/** The generation of a key in `ROWS_RANGE`. */
export function generationOfRowKey(key: string): number {
  const from = key.indexOf("/", 2) + 1;
  return Number.parseInt(key.slice(from, key.indexOf("/", from)), 16);
}

/** The lowest key above every key that begins with `prefix`, which has a character below U+00FF. */
export function prefixEnd(prefix: string): string {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length--;
  assert(length > 0, "a prefix of U+00FF alone has no end");
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}
