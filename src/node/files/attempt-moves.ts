/** Moves within a workspace and out of it, as one attempt makes them. */
import type { FileChange, FilePort } from "../../api/file-port.ts";
import type { CallOptions } from "../../api/ports.ts";
import { exists, treeError } from "../../scheduler/tree/errors.ts";
import { namesOf } from "../../scheduler/tree/names.ts";
import { checkEmpty, checkFolder } from "./attempt-checks.ts";
import type { AttemptView, Seen } from "./attempt-view.ts";
import { pathOf } from "./tree-reader.ts";

type Rename = Parameters<FilePort["rename"]>[0];
type Publish = Parameters<FilePort["publish"]>[0];

/**
 * Out of the workspace at once, and within it for the attempt alone.
 * @throws {JobxError} `FS_NAME_INVALID` for what is to come into the workspace, since it would be lost to all where
 * the attempt does not end well; and as `FilePort.rename`.
 */
export async function moveSeen(
  view: AttemptView,
  move: Rename,
  options: CallOptions,
): Promise<FileChange> {
  const { files } = view.below;
  const from = view.within(move.from);
  const to = view.within(move.to);
  if (from === undefined && to === undefined) return files.rename(move, options);
  if (from === undefined) {
    const message = "what lies in the volume is copied into a workspace, and not moved";
    throw treeError("FS_NAME_INVALID", message, { path: move.from });
  }
  checkIsBelow(from);
  const moved = await view.findThere(from, options);
  if (to === undefined) return take(view, { ...move, rel: from, target: move.to }, options);
  if (to === from) return changeOf(moved);
  if (to.startsWith(`${from}/`)) {
    throw treeError("FS_LOOP", "a folder cannot be moved into itself", { path: move.to });
  }
  await checkTarget(view, { ...move, rel: to, moved }, options);
  return take(
    view,
    { ...move, rel: from, target: view.staged(to), exclusive: false, parents: true },
    options,
  );
}

/**
 * With the end of the attempt it is at its place, over whatever is there; until then it is nowhere to be seen.
 * @throws {JobxError} `FS_NAME_INVALID` for what does not lie in the workspace; `COMMAND_TOO_LARGE`.
 */
export async function publishSeen(
  view: AttemptView,
  move: Publish,
  options: CallOptions,
): Promise<FileChange> {
  const from = view.within(move.from);
  if (from === undefined) {
    const message = "what is published lies in the workspace of the request";
    throw treeError("FS_NAME_INVALID", message, { path: move.from });
  }
  checkIsBelow(from);
  if (view.within(move.to) !== undefined) {
    return moveSeen(view, { ...move, exclusive: false, parents: true }, options);
  }
  const to = pathOf(move.to);
  if (namesOf(to).length === 0) throw treeError("FS_EXISTS", "the root is there already");
  view.checkRoom();
  const aside = view.putAside();
  await view.findThere(from, options);
  const how = { exclusive: false, parents: true };
  const change = await take(view, { ...move, ...how, rel: from, target: aside.at }, options);
  view.published.push({ from: aside.from, to });
  return change;
}

/** Moves all that the attempt sees at a path to where everybody would see it. */
async function take(
  view: AttemptView,
  move: Rename & { readonly rel: string; readonly target: string },
  options: CallOptions,
): Promise<FileChange> {
  const { workflow, rel, target, exclusive, parents } = move;
  const isCommitted = (await view.findCommitted(rel, options)) !== undefined;
  if (isCommitted) view.checkRoom();
  await view.copyUp(rel, options);
  const change = await view.below.files.rename(
    { workflow, from: view.staged(rel), to: target, exclusive, parents },
    options,
  );
  if (isCommitted) view.remove(rel);
  return change;
}

/** What rename(2) would replace. @throws {JobxError} */
async function checkTarget(
  view: AttemptView,
  move: Rename & { readonly rel: string; readonly moved: Seen },
  options: CallOptions,
): Promise<void> {
  const { rel, moved, to: path, parents, exclusive } = move;
  await checkFolder(view, { rel, path, parents }, options);
  const found = await view.find(rel, options);
  if (found === undefined) return;
  if (exclusive) throw exists(path);
  const isFolder = moved.view.type === "directory";
  if (found.view.type !== "directory") {
    if (isFolder) throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
    return;
  }
  if (!isFolder) {
    throw treeError("FS_IS_DIRECTORY", "a file does not replace a folder", { path });
  }
  await checkEmpty(view, { rel, path }, options);
}

/** @throws {TreeError} `FS_NAME_INVALID` for the workspace itself. */
function checkIsBelow(rel: string): void {
  if (rel === "") throw treeError("FS_NAME_INVALID", "a workspace goes with its request");
}

function changeOf({ view }: Seen): FileChange {
  return { inode: view.inode, revision: view.revision };
}
