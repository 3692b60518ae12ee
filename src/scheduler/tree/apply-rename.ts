/** Renaming, as rename(2) has it; and publishing, which is several renames at once over whatever is there. */

import { notEmpty } from "./apply-names.ts";
import { forEach, type TreeChange } from "./change.ts";
import type { Move, MoveOver, Place, TreeCommand } from "./commands.ts";
import { exists, treeError } from "./errors.ts";
import { makingParents } from "./inodes.ts";
import {
  directoryOf,
  entryAt,
  findEntry,
  inodeOf,
  notDirectory,
  notFound,
  walk,
} from "./reading.ts";
import { type EntryRow, ROOT_INODE } from "./rows.ts";
import { dropNamed } from "./versions.ts";

/**
 * Folders above the one that a folder is moved into: each is a row to read. What lies deeper, as a mount
 * may make it, can be left but not be moved into.
 */
const FOLDERS_ABOVE_MAX = 1024;

type Rename = Extract<TreeCommand, { readonly kind: "fs-rename" }>;

/** Moves all or nothing, one after the other; the last moved inode. @throws {TreeError} */
export function rename(change: TreeChange, { moves, over, parents }: Rename): number {
  let inode = 0;
  forEach(moves, (move) => {
    inode = moveOne(change, move, { over, parents });
  });
  return inode;
}

function moveOne(
  change: TreeChange,
  { from, to, keep }: Move,
  options: { readonly over: MoveOver; readonly parents: boolean },
): number {
  const { entry: moved, ...source } = entryAt(change, from);
  const target = walk(change, to, makingParents(change, options.parents));
  const replaced = findEntry(change, target.parent, target.name);
  // Two names of one file, or one name twice: nothing is to be done, says POSIX.
  if (replaced?.inode === moved.inode && options.over !== "exclusive") return moved.inode;
  // In its own folder nothing can come into itself.
  if (moved.type === "directory" && source.parent !== target.parent) {
    checkNotInside(change, moved.inode, { parent: target.parent, path: to.path });
  }
  if (replaced !== undefined) {
    if (options.over === "exclusive") throw exists(to.path);
    if (options.over === "posix") checkReplaceable(change, { moved, replaced, path: to.path });
    if (keep === undefined) dropNamed(change, replaced, target);
  }
  change.putEntry(source, { before: moved, after: undefined });
  change.putEntry(target, { before: replaced, after: moved });
  settle(change, moved.inode, target.parent);
  if (replaced !== undefined && keep !== undefined) keepReplaced(change, replaced, keep);
  return moved.inode;
}

/** What was replaced, and has no name now, gets another. @throws {TreeError} `FS_EXISTS`, `FS_LOOP`, and as `walk`. */
function keepReplaced(change: TreeChange, replaced: EntryRow, { from, path }: Place): void {
  const named = walk(change, { from, path }, makingParents(change, true));
  if (findEntry(change, named.parent, named.name) !== undefined) throw exists(path);
  if (replaced.type === "directory") {
    checkNotInside(change, replaced.inode, { parent: named.parent, path });
  }
  change.putEntry(named, { before: undefined, after: replaced });
  settle(change, replaced.inode, named.parent);
}

/** An inode has another name, or lies in another folder. Its time of change moves, as on other file systems, so that backups see it. */
export function settle(change: TreeChange, inode: number, parent: number): void {
  const row = inodeOf(change, inode);
  if (row.kind === "fs-directory") change.putInode(inode, { ...row, parent });
  else change.putInode(inode, row);
}

/** @throws {TreeError} `FS_LOOP`; `FS_NAME_TOO_LONG` where the target lies too deep to tell. */
function checkNotInside(
  change: TreeChange,
  moved: number,
  target: { readonly parent: number; readonly path: string },
): void {
  const { path } = target;
  let folder = target.parent;
  for (let above = 0; above < FOLDERS_ABOVE_MAX; above += 1) {
    if (folder === moved) {
      throw treeError("FS_LOOP", "a folder cannot be moved into itself", { path });
    }
    if (folder === ROOT_INODE) return;
    folder = directoryOf(change, folder).parent;
    // What lies above was removed, and all below it goes.
    if (folder === 0) throw notFound(path);
  }
  throw treeError("FS_NAME_TOO_LONG", "it lies too deep to move a folder there", { path });
}

/** @throws {TreeError} `FS_NOT_DIRECTORY`, `FS_IS_DIRECTORY`, `FS_NOT_EMPTY`. */
function checkReplaceable(
  change: TreeChange,
  of: { readonly moved: EntryRow; readonly replaced: EntryRow; readonly path: string },
): void {
  const { moved, replaced, path } = of;
  if (replaced.type !== "directory") {
    if (moved.type === "directory") throw notDirectory(path);
    return;
  }
  if (moved.type !== "directory") {
    throw treeError("FS_IS_DIRECTORY", "a file does not replace a folder", { path });
  }
  if (directoryOf(change, replaced.inode).entries > 0) throw notEmpty(path);
}
