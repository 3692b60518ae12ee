/** Making folders on the way, checking what is expected, and letting go of inodes that lose a name. */
import { assert, unreachable } from "../../std/assert.ts";
import type { TreeChange } from "./change.ts";
import type { Expectation } from "./commands.ts";
import { leaveContent } from "./content.ts";
import { treeError } from "./errors.ts";
import { treeKeys } from "./keys.ts";
import { inodeOf, type MakeDirectory } from "./reading.ts";
import {
  type DirectoryRow,
  type EntryRow,
  type InodeRow,
  LINKS_MAX,
  type NamedPlace,
} from "./rows.ts";

/** Of folders that nobody says a mode for. */
const DIRECTORY_MODE = 0o755;

/** The lower 12 bits are what chmod(2) sets. */
const MODE_MASK = 0o7777;

/** The bits of a mode that count. */
export function modeOf(mode: number): number {
  return mode & MODE_MASK;
}

/** Makes a folder where there is no such name. */
export function makeDirectory(
  change: TreeChange,
  place: NamedPlace,
  mode: number = DIRECTORY_MODE,
): number {
  const row: DirectoryRow = {
    kind: "fs-directory",
    mode: modeOf(mode),
    mtimeMicros: change.stampMs * 1000,
    ...change.stamp(),
    attributes: [],
    parent: place.parent,
    entries: 0,
    directories: 0,
  };
  const inode = change.newInode(row);
  change.putEntry(place, {
    before: undefined,
    after: { kind: "fs-entry", inode, type: "directory" },
  });
  return inode;
}

/** Makes what is missing on the way to a place, if that is wanted. */
export function makingParents(change: TreeChange, parents: boolean): MakeDirectory | undefined {
  return parents ? (place) => makeDirectory(change, place) : undefined;
}

/**
 * @throws {TreeError} `FS_EXISTS` where nothing was expected; `FS_CHANGED` where another revision was, and
 * where there is nothing.
 */
export function checkExpected(
  expect: Expectation,
  found: { readonly row: InodeRow | undefined; readonly path: string },
): void {
  const { row, path } = found;
  switch (expect.kind) {
    case "any":
      return;
    case "absent":
      if (row !== undefined) throw treeError("FS_EXISTS", "it is there already", { path });
      return;
    case "revision": {
      if (row?.revision === expect.revision) return;
      const now = row === undefined ? "not there" : `at revision ${row.revision}`;
      throw treeError("FS_CHANGED", `it has changed meanwhile: it is ${now}`, { path });
    }
    default:
      unreachable(expect);
  }
}

/** One name more. @throws {TreeError} `FS_IS_DIRECTORY`, `FS_TOO_MANY_LINKS`. */
export function addLink(change: TreeChange, inode: number, path: string): void {
  const row = inodeOf(change, inode);
  if (row.kind === "fs-directory") {
    throw treeError("FS_IS_DIRECTORY", "a folder has one name", { path });
  }
  if (row.links >= LINKS_MAX) {
    throw treeError("FS_TOO_MANY_LINKS", `a file has at most ${LINKS_MAX} names`, { path });
  }
  change.putInode(inode, { ...row, links: row.links + 1 });
}

/** One name less for what is no folder; with the last one it goes. */
export function dropLink(change: TreeChange, inode: number): void {
  const row = inodeOf(change, inode);
  assert(row.kind !== "fs-directory", "folders are not counted by links");
  if (row.links > 1) {
    change.putInode(inode, { ...row, links: row.links - 1 });
    return;
  }
  if (row.kind === "fs-file") {
    leaveContent(change, row.content);
    change.count({ usedBytes: -row.bytes });
  }
  change.deleteInode(inode);
}

/** Nothing leads to the folder any more: it goes, now or when what lies under it was swept. */
export function dropDirectory(change: TreeChange, inode: number): void {
  const row = inodeOf(change, inode);
  assert(row.kind === "fs-directory", "a folder is dropped as one");
  if (row.entries === 0) {
    change.deleteInode(inode);
    return;
  }
  change.putInode(inode, { ...row, parent: 0 });
  change.sweep(treeKeys.sweptDirectory(inode));
}

/** What an entry led to has lost that name. */
export function dropEntry(change: TreeChange, { inode, type }: EntryRow): void {
  if (type === "directory") dropDirectory(change, inode);
  else dropLink(change, inode);
}
