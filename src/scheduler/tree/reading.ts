/** Typed reading of the tree's rows, and the way along a path: what commands and readers share. */
import { assert } from "../../std/assert.ts";
import { rowOf } from "../apply-kit.ts";
import type { Row } from "../rows.ts";
import { type RowView, readRow } from "../transaction.ts";
import type { Place } from "./commands.ts";
import { treeError } from "./errors.ts";
import { treeKeys, VOLUME_KEY } from "./keys.ts";
import { namesOf } from "./names.ts";
import {
  type DirectoryRow,
  type EntryRow,
  type InodeRow,
  type NamedPlace,
  ROOT_INODE,
  type VolumeOptions,
  type VolumeRow,
} from "./rows.ts";

/** Where nobody has said anything: two copies, as R25 has it, and no quota. */
/** Of a volume that nobody has set any of. */
export const OPTIONS_DEFAULT: VolumeOptions = {
  copies: 2,
  chunking: "fixed",
  quotaBytes: undefined,
  quotaInodes: undefined,
};

/** Of a workflow that never used its volume. */
const VOLUME_DEFAULT: VolumeRow = {
  kind: "fs-volume",
  ...OPTIONS_DEFAULT,
  revision: 0,
  usedBytes: 0,
  usedInodes: 0,
  pins: 0,
  nextInode: ROOT_INODE + 1,
  nextContent: 1,
};

const ROOT_DEFAULT: DirectoryRow = {
  kind: "fs-directory",
  mode: 0o755,
  mtimeMicros: 0,
  changedMs: 0,
  revision: 0,
  attributes: [],
  parent: ROOT_INODE,
  entries: 0,
  directories: 0,
};

/** The volume of the workflow. @throws {MissingRows} as all of this file. */
export function volumeOf(view: RowView<Row>): VolumeRow {
  return rowOf(view, "fs-volume", VOLUME_KEY) ?? VOLUME_DEFAULT;
}

/** An inode, or undefined when there is none of that number. */
export function findInode(view: RowView<Row>, inode: number): InodeRow | undefined {
  const key = treeKeys.inode(inode);
  const row = readRow(view, key);
  if (row === undefined) return inode === ROOT_INODE ? ROOT_DEFAULT : undefined;
  assert(
    row.kind === "fs-file" || row.kind === "fs-directory" || row.kind === "fs-symlink",
    "the key of an inode holds one",
  );
  return row;
}

/** An inode that an entry or another row names. */
export function inodeOf(view: RowView<Row>, inode: number): InodeRow {
  const row = findInode(view, inode);
  assert(row !== undefined, "what a row of the tree names is there");
  return row;
}

/** A folder. @throws {TreeError} `FS_NOT_FOUND`, `FS_NOT_DIRECTORY`. */
export function directoryOf(view: RowView<Row>, inode: number, path?: string): DirectoryRow {
  const row = findInode(view, inode);
  if (row === undefined) throw notFound(path);
  if (row.kind !== "fs-directory") throw notDirectory(path);
  return row;
}

/** What a name of a folder leads to; undefined when the folder has no such name. */
export function findEntry(view: RowView<Row>, parent: number, name: string): EntryRow | undefined {
  return rowOf(view, "fs-entry", treeKeys.entry(parent, name));
}

/** What to do about a folder that is missing on the way: its number once it is made. */
export type MakeDirectory = (place: NamedPlace) => number;

/**
 * Goes along the path to its last name. Symbolic links on the way are not followed: who names a path that
 * may have some resolves it before (`reads.ts`).
 * @throws {TreeError} `FS_NAME_INVALID`, `FS_NAME_TOO_LONG`; `FS_NAME_INVALID` for the empty path;
 * `FS_NOT_FOUND`, `FS_NOT_DIRECTORY` for a folder on the way.
 */
export function walk(view: RowView<Row>, { from, path }: Place, make?: MakeDirectory): NamedPlace {
  const names = namesOf(path);
  const name = names.at(-1);
  if (name === undefined) throw treeError("FS_NAME_INVALID", "the path names nothing");
  directoryOf(view, from, path);
  let parent = from;
  for (const folder of names.slice(0, -1)) {
    const entry = findEntry(view, parent, folder);
    if (entry === undefined) {
      if (make === undefined) throw notFound(path);
      parent = make({ parent, name: folder });
      continue;
    }
    if (entry.type !== "directory") throw notDirectory(path);
    parent = entry.inode;
  }
  return { parent, name };
}

/** The inode that a place leads to, with its row. @throws {TreeError} as `walk`; `FS_NOT_FOUND`. */
export function inodeAt(
  view: RowView<Row>,
  place: Place,
): { readonly inode: number; readonly row: InodeRow } {
  if (place.path === "") {
    const row = findInode(view, place.from);
    if (row === undefined) throw notFound(place.path);
    return { inode: place.from, row };
  }
  const { inode } = entryAt(view, place).entry;
  return { inode, row: inodeOf(view, inode) };
}

/** The entry that a place leads to. @throws {TreeError} as `walk`; `FS_NOT_FOUND`. */
export function entryAt(
  view: RowView<Row>,
  place: Place,
): NamedPlace & { readonly entry: EntryRow } {
  const { parent, name } = walk(view, place);
  const entry = findEntry(view, parent, name);
  if (entry === undefined) throw notFound(place.path);
  return { parent, name, entry };
}

export function notFound(path: string | undefined): Error {
  return treeError("FS_NOT_FOUND", "there is no such file or folder", { path });
}

export function notDirectory(path: string | undefined): Error {
  return treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
}
