/**
 * The end of an attempt, as far as files go (R17). What it wrote into its workspace lies in a folder of its own,
 * committed like all else, and is seen with its completion: before that says so, the end is prepared as a row,
 * and the transition that ends the live token does what the row says. Whatever else ends an attempt, its folder
 * goes with it.
 */
import { type Position, rowOf, type WorkflowTransaction } from "../apply-kit.ts";
import { isOpen, placeOfToken } from "../attempt-block.ts";
import { keys } from "../keys.ts";
import type { Row } from "../rows.ts";
import { type RowView, readRow } from "../transaction.ts";
import type { Token } from "../unit.ts";
import { notEmpty } from "./apply-names.ts";
import { rename, settle } from "./apply-rename.ts";
import { ATTEMPTS_FOLDER, attemptName, attemptPath, STAGED_FOLDER } from "./attempts-folder.ts";
import { forEach, TreeChange } from "./change.ts";
import { FS_PREPARED_MAX, type TreeCommand } from "./commands.ts";
import { TreeError, treeError } from "./errors.ts";
import { dropEntry, makingParents } from "./inodes.ts";
import { treeKeys, VOLUME_KEY } from "./keys.ts";
import { directoryOf, entryAt, findEntry, walk } from "./reading.ts";
import {
  type EntryRow,
  type NamedPlace,
  type PreparedEndRow,
  type PreparedMove,
  ROOT_INODE,
} from "./rows.ts";
import { workspaceOf } from "./workspace.ts";

/** @throws {TreeError} `FS_ATTEMPT_OVER`; `COMMAND_TOO_LARGE`. */
export function prepare(
  change: TreeChange,
  { token, removes, moves, publishes }: Extract<TreeCommand, { readonly kind: "fs-prepare" }>,
): void {
  if (removes.length + moves.length + publishes.length > FS_PREPARED_MAX) {
    const message = `the end of an attempt changes at most ${FS_PREPARED_MAX} names`;
    throw treeError("COMMAND_TOO_LARGE", message);
  }
  const { block, at } = placeOfToken(token);
  const attempt = rowOf(change, "attempt", keys.attempt(block));
  if (attempt === undefined || !isOpen(attempt.open, at) || folderOf(change, token) === undefined) {
    throw treeError("FS_ATTEMPT_OVER", "the attempt is over, and what it wrote is gone");
  }
  change.put(treeKeys.prepared(token), { kind: "fs-prepared", removes, moves, publishes });
}

/**
 * What an attempt wrote is seen in the workspace of its request from this transition on. Why it could not be, in
 * which case nothing of it is kept: `FS_NOT_EMPTY`, `FS_QUOTA`, what moving throws, and `COMMAND_TOO_LARGE` for an
 * end that is not alone in its command, which would write too many rows with others (R12).
 * @throws {MissingRows}
 */
export function concludeAttempt(
  tx: WorkflowTransaction,
  at: Position,
  end: { readonly token: Token; readonly request: number; readonly isAlone: boolean },
): TreeError | undefined {
  const { token, request, isAlone } = end;
  const folder = folderOf(tx, token);
  if (folder === undefined) return undefined;
  const row = rowOf(tx, "fs-prepared", treeKeys.prepared(token));
  const refusal =
    row &&
    tried(new TreeChange(tx, at), (change) => {
      if (!isAlone) throw treeError("COMMAND_TOO_LARGE", "an end with files comes by itself");
      merge(change, row, { token, workspace: workspaceOf(tx, request) });
      dropFolder(change, token, folder);
    });
  if (row === undefined || refusal !== undefined) dropAttempt(tx, at, token);
  return refusal;
}

/** What an attempt wrote is never seen, since it did not end well. @throws {MissingRows} */
export function dropAttempt(tx: WorkflowTransaction, at: Position, token: Token): undefined {
  const folder = folderOf(tx, token);
  if (folder === undefined) return;
  const change = new TreeChange(tx, at);
  dropFolder(change, token, folder);
  change.finish();
}

type Folder = NamedPlace & { readonly entry: EntryRow };

/** The folder of an attempt that has written something. @throws {MissingRows} */
function folderOf(view: RowView<Row>, token: Token): Folder | undefined {
  // Most workflows have no volume, and most attempts write nothing: then there is no more to look at.
  if (readRow(view, VOLUME_KEY) === undefined) return undefined;
  const all = findEntry(view, ROOT_INODE, ATTEMPTS_FOLDER);
  if (all?.type !== "directory") return undefined;
  const place = { parent: all.inode, name: attemptName(token) };
  const entry = findEntry(view, place.parent, place.name);
  return entry?.type === "directory" ? { ...place, entry } : undefined;
}

/** Does it and writes it, or writes nothing. @throws {MissingRows} */
function tried(change: TreeChange, act: (change: TreeChange) => void): TreeError | undefined {
  try {
    act(change);
    change.finish();
    return undefined;
  } catch (error) {
    if (error instanceof TreeError) return error;
    throw error;
  }
}

function dropFolder(change: TreeChange, token: Token, { entry, ...place }: Folder): void {
  const key = treeKeys.prepared(token);
  if (rowOf(change, "fs-prepared", key) !== undefined) change.delete(key);
  dropEntry(change, entry);
  change.putEntry(place, { before: entry, after: undefined });
}

/** @throws {TreeError} */
function merge(
  change: TreeChange,
  { removes, moves, publishes }: PreparedEndRow,
  { token, workspace }: { readonly token: Token; readonly workspace: string },
): void {
  const from = attemptPath(token);
  forEach(removes, (path) => removeIfThere(change, `${workspace}/${path}`));
  forEach(moves, (move) => {
    mergeOne(change, move, { from: `${from}/${STAGED_FOLDER}`, to: workspace });
  });
  forEach(publishes, (publish) => {
    const move = {
      from: { from: ROOT_INODE, path: `${from}/${publish.from}` },
      to: { from: ROOT_INODE, path: publish.to },
      keep: undefined,
    };
    rename(change, { kind: "fs-rename", moves: [move], over: "tree", parents: true });
  });
}

function removeIfThere(change: TreeChange, path: string): void {
  const found = foundAt(change, path);
  if (found === undefined) return;
  const { entry, ...place } = found;
  dropEntry(change, entry);
  change.putEntry(place, { before: entry, after: undefined });
}

/**
 * Moves one name, over what is there. A folder goes as a whole where there is none of its name, whoever made one
 * meanwhile, and what lies in it then has gone with it.
 * @throws {TreeError} `FS_NOT_EMPTY` for a folder that is not listed where another one has names.
 */
function mergeOne(
  change: TreeChange,
  { path, whole }: PreparedMove,
  { from, to }: { readonly from: string; readonly to: string },
): void {
  const below = path === "" ? "" : `/${path}`;
  const moved = foundAt(change, from + below);
  if (moved === undefined) return;
  const place = { from: ROOT_INODE, path: to + below };
  const target = walk(change, place, makingParents(change, true));
  const replaced = findEntry(change, target.parent, target.name);
  if (moved.entry.type === "directory" && replaced?.type === "directory") {
    if (!whole) return;
    if (directoryOf(change, replaced.inode).entries > 0) throw notEmpty(path);
  }
  if (replaced !== undefined) dropEntry(change, replaced);
  const { entry, ...source } = moved;
  change.putEntry(source, { before: entry, after: undefined });
  change.putEntry(target, { before: replaced, after: entry });
  settle(change, entry.inode, target.parent);
}

/** The entry at a path from the root; undefined where nothing is. */
function foundAt(change: TreeChange, path: string): ReturnType<typeof entryAt> | undefined {
  try {
    return entryAt(change, { from: ROOT_INODE, path });
  } catch (error) {
    const isMissing =
      error instanceof TreeError &&
      (error.code === "FS_NOT_FOUND" || error.code === "FS_NOT_DIRECTORY");
    if (isMissing) return undefined;
    throw error;
  }
}
