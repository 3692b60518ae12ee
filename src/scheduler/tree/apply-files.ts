/** Files and what they are made of, and what is said of inodes of all types. */

import { forEach, type TreeChange } from "./change.ts";
import type { FileCommit, Place, StoredFor, TreeCommand } from "./commands.ts";
import { blockRuns, leaveContent, takeContent, type Upload, uploadOf } from "./content.ts";
import { exists, treeError } from "./errors.ts";
import { checkExpected, makingParents, modeOf } from "./inodes.ts";
import { treeKeys } from "./keys.ts";
import { checkName, utf8Length } from "./names.ts";
import { findEntry, findInode, inodeAt, inodeOf, walk } from "./reading.ts";
import {
  ATTRIBUTES_BYTES_MAX,
  ATTRIBUTES_MAX,
  type FileAttribute,
  type FileContent,
  type FileRow,
  type InodeRow,
} from "./rows.ts";
import { dropNamed, keepReplacedContent, readReplaced } from "./versions.ts";

type Command<K extends TreeCommand["kind"]> = Extract<TreeCommand, { readonly kind: K }>;

/** Of files that nobody says a mode for. */
const FILE_MODE = 0o644;

/** Makes files, or gives them new content; the last of their inodes. @throws {TreeError} */
export function commitFiles(change: TreeChange, command: Command<"fs-commit">): number {
  checkStoredFor(change, command.storedFor);
  const upload = command.upload === undefined ? undefined : uploadOf(change, command.upload);
  let inode = 0;
  forEach(
    [
      () =>
        blockRuns(
          change,
          command.files.map(({ content }) => content),
        ),
      ...command.files.map((file) => () => {
        inode = commitFile(change, file, { upload, parents: command.parents });
      }),
    ],
    (act) => act(),
  );
  return inode;
}

function commitFile(
  change: TreeChange,
  file: FileCommit,
  options: { readonly upload: Upload | undefined; readonly parents: boolean },
): number {
  const { place, expect } = file;
  const { path } = place;
  if (path === "") return rewrite(change, file, { ...inodeAt(change, place), ...options });
  const named = walk(change, place, makingParents(change, options.parents));
  const entry = findEntry(change, named.parent, named.name);
  if (entry !== undefined) {
    const { inode } = entry;
    readReplaced(change, inode);
    return rewrite(change, file, { inode, row: inodeOf(change, inode), ...options });
  }
  checkExpected(expect, { row: undefined, path });
  const row: FileRow = {
    kind: "fs-file",
    mode: modeOf(file.mode ?? FILE_MODE),
    mtimeMicros: file.mtimeMicros ?? change.stampMs * 1000,
    ...change.stamp(),
    attributes: [],
    links: 1,
    bytes: takeContent(change, file.content, options.upload),
    root: file.root,
    content: file.content,
  };
  const inode = change.newInode(row);
  change.count({ usedBytes: row.bytes });
  change.putEntry(named, { before: undefined, after: { kind: "fs-entry", inode, type: "file" } });
  return inode;
}

/** Takes numbers of inodes out of those to come; the first of them. */
export function reserve(change: TreeChange, { count }: Command<"fs-reserve">): number {
  const { nextInode } = change.volume;
  change.setVolume({ nextInode: nextInode + count });
  return nextInode;
}

/**
 * Makes a file under a number that was reserved. What had the name loses it, and its other names stay.
 * @throws {TreeError} `FS_CHANGED` for a number that is not reserved or has been used, `FS_EXISTS`,
 * `FS_IS_DIRECTORY`, and as `walk`.
 */
export function createFile(change: TreeChange, command: Command<"fs-create">): number {
  const { inode, place, content } = command;
  const { path } = place;
  checkStoredFor(change, command.storedFor);
  const upload = command.upload === undefined ? undefined : uploadOf(change, command.upload);
  blockRuns(change, [content], rowsOfCreate(command));
  const named = walk(change, place);
  if (inode >= change.volume.nextInode || findInode(change, inode) !== undefined) {
    throw treeError("FS_CHANGED", "the number of the inode is not free", { path });
  }
  const before = findEntry(change, named.parent, named.name);
  if (before !== undefined && command.exclusive) throw exists(path);
  if (before?.type === "directory") throw treeError("FS_IS_DIRECTORY", "it is a folder", { path });
  const row: FileRow = {
    kind: "fs-file",
    mode: modeOf(command.mode),
    mtimeMicros: command.mtimeMicros ?? change.stampMs * 1000,
    ...change.stamp(),
    attributes: [],
    links: 1,
    bytes: takeContent(change, content, upload),
    root: command.root,
    content,
  };
  if (before !== undefined) dropNamed(change, before, named);
  change.putInode(inode, row);
  change.count({ usedInodes: 1, usedBytes: row.bytes });
  change.putEntry(named, { before, after: { kind: "fs-entry", inode, type: "file" } });
  return inode;
}

function checkStoredFor({ volume }: TreeChange, wanted: StoredFor | undefined): void {
  if (wanted === undefined || isStoredFor(wanted, volume)) return;
  throw treeError("FS_STORED_OTHERWISE", "the volume wants content stored otherwise by now");
}

function isStoredFor(one: StoredFor, other: StoredFor): boolean {
  return (
    one.copies === other.copies &&
    one.chunking === other.chunking &&
    one.erasure?.data === other.erasure?.data &&
    one.erasure?.parity === other.erasure?.parity
  );
}

/** What it looks at beside its blocks, where it names a file of a folder, as mounts do. */
function rowsOfCreate({ inode, place: { from, path } }: Command<"fs-create">): readonly string[] {
  const keys = [treeKeys.inode(inode), treeKeys.inode(from)];
  return path.includes("/") ? keys : [...keys, treeKeys.entry(from, path)];
}

/** Another content for the file that is there: all its names see it, and its inode stays. */
function rewrite(
  change: TreeChange,
  file: FileCommit,
  found: {
    readonly inode: number;
    readonly row: InodeRow;
    readonly upload: Upload | undefined;
  },
): number {
  const { inode, row } = found;
  const { path } = file.place;
  checkExpected(file.expect, { row, path });
  if (row.kind === "fs-directory") throw treeError("FS_IS_DIRECTORY", "it is a folder", { path });
  if (row.kind === "fs-symlink") {
    throw treeError("FS_NOT_FILE", "it is a symbolic link: name what it leads to", { path });
  }
  // First the new one: what both name is then never without a name.
  const bytes = takeContent(change, file.content, found.upload);
  const isKept =
    file.keep === undefined &&
    !isSameContent(file.content, row.content) &&
    keepReplacedContent(change, inode, row);
  if (file.keep !== undefined) keepContent(change, row, file.keep);
  else if (!isKept) leaveContent(change, row.content);
  change.count({ usedBytes: bytes - row.bytes });
  change.putInode(inode, {
    ...row,
    mode: file.mode === undefined ? row.mode : modeOf(file.mode),
    mtimeMicros: file.mtimeMicros ?? change.stampMs * 1000,
    bytes,
    root: file.root,
    content: file.content,
  });
  return inode;
}

/** A file that is committed twice, as mounts do at fsync and close, has changed once. */
function isSameContent(one: FileContent, other: FileContent): boolean {
  if (one.kind === "listed") return other.kind === "listed" && one.content === other.content;
  if (other.kind === "listed" || one.blocks.length !== other.blocks.length) return false;
  return one.blocks.every(({ cid }, at) => cid === other.blocks[at]?.cid);
}

/** What a file was made of goes on as a file of its own. @throws {TreeError} `FS_EXISTS`, and as `walk`. */
function keepContent(change: TreeChange, row: FileRow, place: Place): void {
  const named = walk(change, place, makingParents(change, true));
  if (findEntry(change, named.parent, named.name) !== undefined) throw exists(place.path);
  const inode = change.newInode({ ...row, ...change.stamp(), links: 1 });
  change.count({ usedBytes: row.bytes });
  change.putEntry(named, { before: undefined, after: { kind: "fs-entry", inode, type: "file" } });
}

/** Mode and time of an inode. @throws {TreeError} */
export function setAttributes(change: TreeChange, command: Command<"fs-attributes">): number {
  const { inode, row } = inodeAt(change, command.place);
  checkExpected(command.expect, { row, path: command.place.path });
  change.putInode(inode, {
    ...row,
    mode: command.mode === undefined ? row.mode : modeOf(command.mode),
    mtimeMicros: command.mtimeMicros ?? row.mtimeMicros,
  });
  return inode;
}

/** Sets or removes one extended attribute. @throws {TreeError} */
export function setAttribute(change: TreeChange, command: Command<"fs-attribute">): number {
  const { name, value, over } = command;
  const { path } = command.place;
  checkName(name);
  const { inode, row } = inodeAt(change, command.place);
  const known = row.attributes.some((one) => one.name === name);
  if (known && over === "absent") {
    throw treeError("FS_EXISTS", "there is an attribute of that name", { path });
  }
  if (!known && (over === "present" || value === undefined)) {
    throw treeError("FS_ATTRIBUTE_UNKNOWN", "there is no attribute of that name", { path });
  }
  const others = row.attributes.filter((one) => one.name !== name);
  const attributes =
    value === undefined
      ? others
      : [...others, { name, value }].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (attributes.length > ATTRIBUTES_MAX || bytesOfAttributes(attributes) > ATTRIBUTES_BYTES_MAX) {
    const message = `the attributes of a file have at most ${ATTRIBUTES_BYTES_MAX} bytes`;
    throw treeError("FS_ATTRIBUTES_FULL", message, { path });
  }
  change.putInode(inode, { ...row, attributes });
  return inode;
}

function bytesOfAttributes(attributes: readonly FileAttribute[]): number {
  return attributes.reduce((sum, { name, value }) => sum + utf8Length(name) + value.length, 0);
}
