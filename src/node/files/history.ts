/** What a path held before, as far as it is kept. */
import type { HistoryView } from "../../api/snapshot-port.ts";
import { readAll } from "../../scheduler/transaction.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { treeKeys } from "../../scheduler/tree/keys.ts";
import { findEntry, findInode } from "../../scheduler/tree/reading.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import { FROZEN_INODE_FIRST, type InodeRow } from "../../scheduler/tree/rows.ts";
import { inOrder, versionsAt } from "../../scheduler/tree/versions.ts";
import { momentOf } from "./file-views.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";

/** A kept version with its number. */
export interface FoundVersion extends Found {
  readonly version: number;
  readonly keptMs: number;
}

/**
 * Versions of what a path leads to, and of what it led to before; newest first. The file itself may be gone, its
 * folder not. @throws {TreeError} as `TreeReader.place`.
 */
export async function versionsOf(
  reader: TreeReader,
  call: FileCall,
  path: string,
): Promise<readonly FoundVersion[]> {
  const place = await reader.place(call, path);
  // A path of one name stays as it is.
  const { from, path: name } = place;
  if (name === "") throw treeError("FS_IS_DIRECTORY", "a folder has no versions: take snapshots");
  return reader.ask(call, (view) => {
    const entry = findEntry(view, from, name);
    const versions = inOrder(
      versionsAt(view, treeKeys.nameHistory(from, name)),
      entry?.type === "file" ? versionsAt(view, treeKeys.inodeHistory(entry.inode)) : [],
    );
    readAll(
      view,
      versions.map(({ inode }) => treeKeys.inode(inode)),
    );
    return versions.toReversed().flatMap(({ inode, keptMs }) => {
      const row = findInode(view, inode);
      // It went since its history was read.
      return row === undefined ? [] : [{ version: inode - FROZEN_INODE_FIRST, keptMs, inode, row }];
    });
  });
}

/** One of them. @throws {TreeError} `FS_NOT_FOUND`, and as `versionsOf`. */
export async function findVersion(
  reader: TreeReader,
  call: FileCall,
  { path, version }: { readonly path: string; readonly version: number },
): Promise<FoundVersion> {
  const found = (await versionsOf(reader, call, path)).find((one) => one.version === version);
  if (found !== undefined) return found;
  throw treeError("FS_NOT_FOUND", "there is no such version, or not any more", { path });
}

/** As it is shown. */
export function historyView(path: string, versions: readonly FoundVersion[]): HistoryView {
  return {
    path: `/${path}`,
    versions: versions.map(({ version, keptMs, row }) => ({
      version,
      kept: new Date(keptMs).toISOString(),
      ...contentOf(row),
      mode: row.mode,
      mtime: momentOf(row.mtimeMicros),
    })),
  };
}

function contentOf(row: InodeRow): { readonly bytes: number; readonly cid: string | null } {
  return row.kind === "fs-file"
    ? { bytes: row.bytes, cid: row.root ?? null }
    : { bytes: 0, cid: null };
}
