/**
 * The keys of the `log/` database. All are ASCII; numbers are 14 hexadecimal digits, so that they
 * sort as numbers and can be read in a dump.
 *
 *     b                              store id and sequence base
 *     e/<group>/<first>/<write>      entries of one append, by first index and write number
 *     g/<group>/c                    configuration record of a group
 *     g/<group>/h                    head of a group
 *     q/<sequence>                   one per batch, see L1 in log-store.ts
 */
import { assert } from "../std/assert.ts";

/** A Raft group: 1 to 64 of the characters A-Z a-z 0-9 _ . - */
export type GroupId = string;

const GROUP_ID = /^[A-Za-z0-9_.-]{1,64}$/;

/** Digits of a number in a key: 2^53 - 1 has 14. */
const NUMBER_DIGITS = 14;

/** The key of the store's own record. */
export const BASE_KEY = "b";

/** Whether `group` can be part of keys. */
export function isGroupId(group: string): boolean {
  return GROUP_ID.test(group);
}

/** A number as it stands in keys. */
export function keyNumber(value: number): string {
  return value.toString(16).padStart(NUMBER_DIGITS, "0");
}

/** The key of a record of entries. */
export function entriesKey(
  group: GroupId,
  at: { readonly firstIndex: number; readonly write: number },
): string {
  return `e/${group}/${keyNumber(at.firstIndex)}/${keyNumber(at.write)}`;
}

/** The range of a group's entries, from those whose first index is `firstIndex` on. */
export function entriesRange(
  group: GroupId,
  firstIndex: number,
): { readonly gte: string; readonly lt: string } {
  return { gte: `e/${group}/${keyNumber(firstIndex)}/`, lt: `e/${group}0` };
}

/** First index and write number of a key of entries; undefined when it is none. */
export function parseEntriesKey(
  key: string,
): { readonly firstIndex: number; readonly write: number } | undefined {
  const match = /^e\/[^/]+\/([0-9a-f]{14})\/([0-9a-f]{14})$/.exec(key);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { firstIndex: Number.parseInt(match[1], 16), write: Number.parseInt(match[2], 16) };
}

/** The key of a group's head. */
export function headKey(group: GroupId): string {
  return `g/${group}/h`;
}

/** The key of a group's configuration record. */
export function configurationKey(group: GroupId): string {
  return `g/${group}/c`;
}

/** The range of all heads and configuration records. "0" is the character after "/". */
export const META_RANGE = { gte: "g/", lt: "g0" } as const;

/** Group and kind of a key in `META_RANGE`; undefined when it is none. */
export function parseMetaKey(
  key: string,
): { readonly group: GroupId; readonly kind: "head" | "configuration" } | undefined {
  const match = /^g\/([A-Za-z0-9_.-]{1,64})\/([ch])$/.exec(key);
  if (match?.[1] === undefined) return undefined;
  return { group: match[1], kind: match[2] === "h" ? "head" : "configuration" };
}

/** The key of a batch's sequence number. */
export function sequenceKey(sequence: number): string {
  assert(sequence >= 1, "sequence numbers begin at 1");
  return `q/${keyNumber(sequence)}`;
}

/** The range of the sequence numbers from `first` on. */
export function sequenceRange(first: number): { readonly gte: string; readonly lt: string } {
  return { gte: sequenceKey(first), lt: "q0" };
}
