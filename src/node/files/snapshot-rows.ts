/** Snapshots of a volume, found by name or CID. */
import { rowOf } from "../../scheduler/apply-kit.ts";
import { SNAPSHOT_NAME, SNAPSHOT_NAME_LENGTH_MAX } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { nameOfSnapshotKey, treeKeys, treePrefixes } from "../../scheduler/tree/keys.ts";
import type { SnapshotRow } from "../../scheduler/tree/rows.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";

/** Rows read at a time. */
const PAGE_ROWS = 200;

/** A snapshot that is made. */
export interface NamedSnapshot {
  readonly name: string;
  readonly root: string;
  readonly row: SnapshotRow;
}

/** The one of that name, or of that CID. @throws {TreeError} `FS_NOT_FOUND`. */
export async function findSnapshot(
  reader: TreeReader,
  call: FileCall,
  text: string,
): Promise<NamedSnapshot> {
  if (SNAPSHOT_NAME.test(text) && text.length <= SNAPSHOT_NAME_LENGTH_MAX) {
    const row = await reader.ask(call, (view) =>
      rowOf(view, "fs-snapshot", treeKeys.snapshot(text)),
    );
    const named = row === undefined ? undefined : madeOf(text, row);
    if (named !== undefined) return named;
    let after: string | undefined;
    do {
      const page = await snapshotsPage(reader, call, { after, limit: PAGE_ROWS });
      const found = page.snapshots.find(({ root }) => root === text);
      if (found !== undefined) return found;
      after = page.next;
    } while (after !== undefined);
  }
  throw treeError("FS_NOT_FOUND", "there is no such snapshot", { path: text.slice(0, 64) });
}

/** A page in the order of names; those that are being made are not there yet. */
export async function snapshotsPage(
  reader: TreeReader,
  call: FileCall,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<{ readonly snapshots: readonly NamedSnapshot[]; readonly next: string | undefined }> {
  const prefix = treePrefixes.snapshots;
  const gte = after === undefined ? prefix : `${treeKeys.snapshot(after)}\0`;
  const { rows, more } = await reader.scan(call, { gte, prefix, limit });
  const snapshots = rows.flatMap(({ key, row }) =>
    row.kind === "fs-snapshot" ? (madeOf(nameOfSnapshotKey(key), row) ?? []) : [],
  );
  const last = rows.at(-1)?.key;
  return { snapshots, next: more && last !== undefined ? nameOfSnapshotKey(last) : undefined };
}

function madeOf(name: string, row: SnapshotRow): NamedSnapshot | undefined {
  const { root } = row;
  return row.upload !== undefined || root === undefined ? undefined : { name, root, row };
}
