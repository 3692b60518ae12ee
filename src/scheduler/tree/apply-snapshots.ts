/**
 * Snapshots of folders: names, inodes and lists of their own, under numbers that say that they are frozen. While one
 * is being made its top folder is its own parent, and what is put below it names that folder; afterwards it has none.
 */
import { rowOf } from "../apply-kit.ts";
import type { TreeChange } from "./change.ts";
import { type Place, SNAPSHOT_NAME, type TreeCommand } from "./commands.ts";
import { uploadOf } from "./content.ts";
import { exists, treeError } from "./errors.ts";
import { dropDirectory } from "./inodes.ts";
import { treeKeys } from "./keys.ts";
import { directoryOf, findInode } from "./reading.ts";
import { type DirectoryRow, FROZEN_INODE_FIRST } from "./rows.ts";

type Command<K extends TreeCommand["kind"]> = Extract<TreeCommand, { readonly kind: K }>;

/** Commands that put something into a snapshot that is being made. */
const MAKING: ReadonlySet<TreeCommand["kind"]> = new Set<TreeCommand["kind"]>([
  "fs-commit",
  "fs-mkdir",
  "fs-symlink",
  "fs-attributes",
  "fs-attribute",
]);

/** Of its top folder until that of the folder is set. */
const DIRECTORY_MODE = 0o755;

/** @throws {TreeError} `FS_READ_ONLY` for a command that would change a snapshot that is made. */
export function checkFrozen(
  change: TreeChange,
  command: TreeCommand,
  places: readonly Place[],
): void {
  const frozen = places.find(({ from }) => from >= FROZEN_INODE_FIRST);
  if (frozen === undefined) return;
  const { from, path } = frozen;
  const top = findInode(change, from);
  const isMaking = top?.kind === "fs-directory" && top.parent === from;
  if (isMaking && MAKING.has(command.kind) && places.every((place) => place.from === from)) {
    change.freeze();
    return;
  }
  throw treeError("FS_READ_ONLY", "it is part of a snapshot", { path });
}

/** Begins one; its top folder. @throws {TreeError} `FS_EXISTS`, `FS_NAME_INVALID`, `FS_PIN_LAPSED`. */
export function beginSnapshot(change: TreeChange, command: Command<"fs-snapshot">): number {
  const { upload, name, path } = command;
  uploadOf(change, upload);
  if (!SNAPSHOT_NAME.test(name)) {
    const message = "a snapshot's name has letters, digits, points and dashes";
    throw treeError("FS_NAME_INVALID", message, { path: name });
  }
  const key = treeKeys.snapshot(name);
  if (rowOf(change, "fs-snapshot", key) !== undefined) throw exists(name);
  const row: DirectoryRow = {
    ...{ kind: "fs-directory", mode: DIRECTORY_MODE, mtimeMicros: change.stampMs * 1000 },
    ...{ ...change.stamp(), attributes: [], parent: 0, entries: 0, directories: 0 },
  };
  change.freeze();
  const directory = change.newInode(row);
  change.putInode(directory, { ...row, parent: directory });
  change.put(key, {
    ...{ kind: "fs-snapshot", path, directory, upload, takenMs: change.stampMs, root: undefined },
    counts: { files: 0, directories: 0, links: 0, bytes: 0 },
  });
  return directory;
}

/** Has it seen; its top folder. @throws {TreeError} `FS_PIN_LAPSED` for one that was given up meanwhile. */
export function endSnapshot(change: TreeChange, command: Command<"fs-snapshot-end">): number {
  const { upload, name, root, counts } = command;
  const key = treeKeys.snapshot(name);
  const row = rowOf(change, "fs-snapshot", key);
  if (row?.upload !== upload) {
    throw treeError("FS_PIN_LAPSED", "the snapshot was given up meanwhile: take it once more");
  }
  const { directory } = row;
  change.put(key, { ...row, upload: undefined, root, counts });
  change.putInode(directory, { ...directoryOf(change, directory), parent: 0 });
  return directory;
}

/** What it has goes as a removed folder does. @throws {TreeError} `FS_NOT_FOUND`. */
export function removeSnapshot(
  change: TreeChange,
  { name, upload }: Command<"fs-snapshot-remove">,
): void {
  const key = treeKeys.snapshot(name);
  const row = rowOf(change, "fs-snapshot", key);
  if (row === undefined || row.upload !== upload) {
    throw treeError("FS_NOT_FOUND", "there is no such snapshot", { path: name });
  }
  change.delete(key);
  dropDirectory(change, row.directory);
}
