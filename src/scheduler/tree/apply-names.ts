/** Names come, go and lead elsewhere. */
import { forEach, type TreeChange } from "./change.ts";
import type { TreeCommand } from "./commands.ts";
import { exists, treeError } from "./errors.ts";
import { addLink, dropDirectory, makeDirectory, makingParents } from "./inodes.ts";
import { checkSymlink } from "./names.ts";
import { directoryOf, entryAt, findEntry, inodeAt, notDirectory, walk } from "./reading.ts";
import type { InodeRow, SymlinkRow } from "./rows.ts";
import { dropNamed } from "./versions.ts";

type Command<K extends TreeCommand["kind"]> = Extract<TreeCommand, { readonly kind: K }>;

/** A symbolic link is what it says; nobody asks its mode. */
const SYMLINK_MODE = 0o777;

/** Makes a folder. @throws {TreeError} `FS_EXISTS`, and as `walk`. */
export function makeFolder(change: TreeChange, command: Command<"fs-mkdir">): number {
  const { place, mode, parents } = command;
  // Of the empty path the folder is there, whatever it is.
  if (place.path === "" && parents) {
    directoryOf(change, place.from);
    return place.from;
  }
  const named = walk(change, place, makingParents(change, parents));
  const entry = findEntry(change, named.parent, named.name);
  if (entry === undefined) return makeDirectory(change, named, mode);
  if (parents && entry.type === "directory") return entry.inode;
  throw exists(place.path);
}

/** Makes a symbolic link. @throws {TreeError} `FS_EXISTS`, and as `checkSymlink` and `walk`. */
export function makeSymlink(change: TreeChange, command: Command<"fs-symlink">): number {
  const { place, target } = command;
  checkSymlink(target);
  const named = walk(change, place);
  if (findEntry(change, named.parent, named.name) !== undefined) throw exists(place.path);
  const row: SymlinkRow = {
    kind: "fs-symlink",
    mode: SYMLINK_MODE,
    mtimeMicros: change.stampMs * 1000,
    ...change.stamp(),
    attributes: [],
    links: 1,
    target,
  };
  const inode = change.newInode(row);
  change.putEntry(named, {
    before: undefined,
    after: { kind: "fs-entry", inode, type: "symlink" },
  });
  return inode;
}

/** Gives another name. @throws {TreeError} `FS_EXISTS`, `FS_IS_DIRECTORY`, `FS_TOO_MANY_LINKS`, and as `walk`. */
export function makeLink(change: TreeChange, { from, to }: Command<"fs-link">): number {
  const { inode, row } = inodeAt(change, from);
  const named = walk(change, to);
  if (findEntry(change, named.parent, named.name) !== undefined) throw exists(to.path);
  addLink(change, inode, from.path);
  const after = { kind: "fs-entry", inode, type: typeOf(row) } as const;
  change.putEntry(named, { before: undefined, after });
  return inode;
}

/** Takes names away. @throws {TreeError} `FS_NOT_FOUND`, `FS_IS_DIRECTORY`, and as `walk`. */
export function unlink(change: TreeChange, { places }: Command<"fs-unlink">): void {
  forEach(places, (place) => {
    const { entry, ...named } = entryAt(change, place);
    if (entry.type === "directory") {
      throw treeError("FS_IS_DIRECTORY", "it is a folder", { path: place.path });
    }
    dropNamed(change, entry, named);
    change.putEntry(named, { before: entry, after: undefined });
  });
}

/** Removes an empty folder. @throws {TreeError} `FS_NOT_EMPTY`, `FS_NOT_DIRECTORY`, and as `walk`. */
export function removeFolder(change: TreeChange, { place }: Command<"fs-rmdir">): void {
  const { entry, ...named } = entryAt(change, place);
  if (entry.type !== "directory") throw notDirectory(place.path);
  if (directoryOf(change, entry.inode).entries > 0) throw notEmpty(place.path);
  dropDirectory(change, entry.inode);
  change.putEntry(named, { before: entry, after: undefined });
}

/** Removes what is there, folders with all that is in them. @throws {TreeError} as `walk`. */
export function removeTree(change: TreeChange, { place }: Command<"fs-remove">): void {
  const { entry, ...named } = entryAt(change, place);
  dropNamed(change, entry, named);
  change.putEntry(named, { before: entry, after: undefined });
}

export function notEmpty(path: string): Error {
  return treeError("FS_NOT_EMPTY", "the folder is not empty", { path });
}

function typeOf({ kind }: InodeRow): "file" | "directory" | "symlink" {
  if (kind === "fs-file") return "file";
  return kind === "fs-directory" ? "directory" : "symlink";
}
