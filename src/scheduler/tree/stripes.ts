/**
 * Stripes of coded blocks. A stripe is no part of a file: its blocks are, as they would be without it, so lists of
 * blocks, snapshots and copies know nothing of it. It keeps all its blocks as long as something names one of them,
 * since each is made from the others.
 */
import { assert } from "../../std/assert.ts";
import { rowOf } from "../apply-kit.ts";
import type { Cid } from "../dataset.ts";
import type { Row } from "../rows.ts";
import { type RowView, readAll } from "../transaction.ts";
import type { TreeChange } from "./change.ts";
import { treeKeys } from "./keys.ts";
import type { FileBlockRow, Stripe, StripeRow } from "./rows.ts";

/** All blocks of a stripe, the data first. */
export function membersOf({ data, parity }: Stripe): readonly Cid[] {
  return [...data.map(({ cid }) => cid), ...parity];
}

/** Bytes of each block of parity: those of the longest data. */
export function parityBytes({ data }: Stripe): number {
  return Math.max(...data.map(({ bytes }) => bytes));
}

/** The stripe of each of these blocks, one object for each stripe; none for those that are in none. @throws {MissingRows} */
export function stripesOf(
  view: RowView<Row>,
  cids: readonly Cid[],
): ReadonlyMap<Cid, StripeRow & { readonly number: number }> {
  const keys = cids.map(treeKeys.block);
  readAll(view, keys);
  const numbers = new Map<Cid, number>();
  for (const cid of cids) {
    const stripe = rowOf(view, "fs-block", treeKeys.block(cid))?.stripe;
    if (stripe !== undefined) numbers.set(cid, stripe);
  }
  readAll(view, [...new Set(numbers.values())].map(treeKeys.stripe));
  const stripes = new Map<Cid, StripeRow & { readonly number: number }>();
  const rows = new Map<number, StripeRow & { readonly number: number }>();
  for (const number of new Set(numbers.values())) {
    const row = rowOf(view, "fs-stripe", treeKeys.stripe(number));
    // Rows are of several moments for those who only read: a stripe may have gone meanwhile.
    if (row !== undefined) rows.set(number, { ...row, number });
  }
  for (const [cid, number] of numbers) {
    const row = rows.get(number);
    if (row !== undefined) stripes.set(cid, row);
  }
  return stripes;
}

/** Notes stripes of blocks that the command has named. */
export function addStripes(change: TreeChange, stripes: readonly Stripe[]): void {
  readAll(change, stripes.flatMap(membersOf).map(treeKeys.block));
  for (const { data, parity } of stripes) {
    const members = membersOf({ data, parity });
    const rows = members.map((cid) => rowOf(change, "fs-block", treeKeys.block(cid)));
    const isFree =
      new Set(members).size === members.length &&
      data.length > 0 &&
      rows.every((row) => row?.stripe === undefined) &&
      rows.slice(0, data.length).every((row) => row !== undefined);
    if (!isFree) continue;
    const { nextContent: number } = change.volume;
    change.setVolume({ nextContent: number + 1 });
    const bytes = parityBytes({ data, parity });
    for (const [at, cid] of members.entries()) {
      const row = rows[at] ?? { kind: "fs-block", bytes, references: 0 };
      change.put(treeKeys.block(cid), { ...row, stripe: number });
    }
    const named = rows.filter((row) => row !== undefined).length;
    change.insert(treeKeys.stripe(number), { kind: "fs-stripe", data, parity, named });
  }
}

/** Something names a block of a stripe that nothing named any more. */
export function nameInStripe(change: TreeChange, { stripe: number }: FileBlockRow): void {
  assert(number !== undefined, "a block that nothing names is in a stripe");
  const key = treeKeys.stripe(number);
  const row = rowOf(change, "fs-stripe", key);
  assert(row !== undefined, "the stripe of a block is there");
  change.put(key, { ...row, named: row.named + 1 });
}

/** Nothing names blocks of stripes any more, once for each block. */
export function leaveStripes(change: TreeChange, left: readonly number[]): void {
  const counts = new Map<number, number>();
  for (const number of left) counts.set(number, (counts.get(number) ?? 0) + 1);
  readAll(change, [...counts.keys()].map(treeKeys.stripe));
  const over: StripeRow[] = [];
  const nexts: { readonly key: string; readonly row: StripeRow }[] = [];
  for (const [number, count] of counts) {
    const key = treeKeys.stripe(number);
    const row = rowOf(change, "fs-stripe", key);
    assert(row !== undefined && row.named >= count, "a stripe counts its blocks that are named");
    nexts.push({ key, row: { ...row, named: row.named - count } });
    if (row.named === count) over.push(row);
  }
  const members = over.flatMap(membersOf).map(treeKeys.block);
  readAll(change, members);
  for (const { key, row } of nexts) {
    if (row.named === 0) change.delete(key);
    else change.put(key, row);
  }
  for (const key of members) change.delete(key);
}
