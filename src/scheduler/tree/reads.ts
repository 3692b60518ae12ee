/**
 * What readers ask of the tree. All are pure functions of rows: those that follow names read by key, as
 * queries do; a page of a folder is made of rows that the caller has scanned.
 */
import { assert } from "../../std/assert.ts";
import { prefixEnd } from "../../std/ordered-text.ts";
import { rowOf } from "../apply-kit.ts";
import type { Cid } from "../dataset.ts";
import type { Row } from "../rows.ts";
import { MissingRows, type RowView, readAll } from "../transaction.ts";
import type { Place } from "./commands.ts";
import { treeError } from "./errors.ts";
import { placeOfEntryKey, treeKeys, treePrefixes } from "./keys.ts";
import { checkName, namesOf } from "./names.ts";
import { directoryOf, findEntry, findInode, notDirectory, notFound, volumeOf } from "./reading.ts";
import {
  type ContentPartRow,
  type EntryRow,
  FROZEN_INODE_FIRST,
  type InodeRow,
  ROOT_INODE,
  type VolumeRow,
} from "./rows.ts";

/** Symbolic links that one look-up follows, as in Linux. */
export const SYMLINKS_FOLLOWED_MAX = 40;

/** An inode with its number. */
export interface Found {
  readonly inode: number;
  readonly row: InodeRow;
}

/**
 * Finds what a path leads to. Symbolic links on the way are followed, and the last one too where that is
 * wanted; one that begins with a slash begins at the volume's root, and none leads out of it.
 * @throws {TreeError} `FS_NOT_FOUND`, `FS_NOT_DIRECTORY`, `FS_LOOP` for too many links, `FS_NAME_INVALID`,
 * `FS_NAME_TOO_LONG`. @throws {MissingRows}
 */
export function lookUp(
  view: RowView<Row>,
  place: Place,
  { follow }: { readonly follow: boolean },
): Found {
  const { path } = place;
  const ahead = [...namesOf(path)].reverse();
  let at: Found = foundOf(view, place.from, path);
  // Links of a snapshot that begin with a slash begin at its top, and above that there is nothing either.
  const root = place.from >= FROZEN_INODE_FIRST ? place.from : ROOT_INODE;
  let followed = 0;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (at.row.kind !== "fs-directory") throw notDirectory(path);
    if (name === "" || name === ".") continue;
    if (name === "..") {
      // Above the root is the root.
      if (at.inode !== root) at = foundOf(view, at.row.parent, path);
      continue;
    }
    // A symbolic link may say any text.
    checkName(name);
    const entry = findEntry(view, at.inode, name);
    if (entry === undefined) throw notFound(path);
    const row = findInode(view, entry.inode);
    if (row === undefined) {
      // A query's rows are loaded one after the other and may be of two moments: the name is read again,
      // since it may lead elsewhere by now, as after a rename over it.
      throw new MissingRows([treeKeys.entry(at.inode, name), treeKeys.inode(entry.inode)]);
    }
    if (row.kind !== "fs-symlink" || (ahead.length === 0 && !follow)) {
      at = { inode: entry.inode, row };
      continue;
    }
    followed += 1;
    if (followed > SYMLINKS_FOLLOWED_MAX) {
      throw treeError("FS_LOOP", "the path leads through too many symbolic links", { path });
    }
    if (row.target.startsWith("/")) at = foundOf(view, root, path);
    ahead.push(...row.target.split("/").reverse());
  }
  return at;
}

function foundOf(view: RowView<Row>, inode: number, path: string): Found {
  const row = findInode(view, inode);
  if (row === undefined) throw notFound(path);
  return { inode, row };
}

/** A name of a folder with what it leads to. */
export interface Listed extends EntryRow {
  readonly name: string;
}

/** The keys of a page of a folder: its names in the order of their bytes, those after one, if it is said. */
export function listingRange(
  directory: number,
  after: string | undefined,
): { readonly gte: string; readonly lt: string } {
  const prefix = treePrefixes.entriesOf(directory);
  // No key lies between one and the same with the lowest character after it.
  const gte = after === undefined ? prefix : `${treeKeys.entry(directory, after)}\0`;
  return { gte, lt: prefixEnd(prefix) };
}

/** The names in rows that were scanned in a `listingRange`. */
export function listed(rows: readonly (readonly [string, Row])[]): readonly Listed[] {
  return rows.map(([key, row]) => {
    assert(row.kind === "fs-entry", "a folder has entries");
    return { ...row, name: placeOfEntryKey(key).name };
  });
}

/** How many names a folder has. @throws {TreeError} `FS_NOT_FOUND`, `FS_NOT_DIRECTORY`. @throws {MissingRows} */
export function countEntries(view: RowView<Row>, directory: number): number {
  return directoryOf(view, directory).entries;
}

/** Links of an inode as stat(2) has them: a folder's own name, its `.`, and the `..` of each folder in it. */
export function linksOf(row: InodeRow): number {
  return row.kind === "fs-directory" ? 2 + row.directories : row.links;
}

/** What statfs(2) tells, without the room on disks, which is no part of the state. */
export function volumeUse(view: RowView<Row>): VolumeRow {
  return volumeOf(view);
}

/** One part of the list of a content. @throws {MissingRows} */
export function contentPart(
  view: RowView<Row>,
  content: number,
  part: number,
): ContentPartRow | undefined {
  return rowOf(view, "fs-part", treeKeys.part(content, part));
}

/**
 * R25: which of these blocks must not be deleted, since a file or a staged content names them.
 * @throws {MissingRows}
 */
export function namedBlocks(view: RowView<Row>, cids: readonly Cid[]): readonly Cid[] {
  const rows = readAll(
    view,
    cids.map((cid) => treeKeys.block(cid)),
  );
  return cids.filter((_, at) => rows[at] !== undefined);
}

/** R25: which of these uploads have a pin, so that what nodes hold for them must stay. @throws {MissingRows} */
export function livePins(view: RowView<Row>, uploads: readonly string[]): readonly string[] {
  const rows = readAll(view, uploads.map(treeKeys.pin));
  return uploads.filter((_, at) => rows[at] !== undefined);
}
