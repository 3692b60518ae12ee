/** What is checked before an attempt changes its workspace, as applying checks it for the volume. */
import type { CallOptions } from "../../api/ports.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { listSeen } from "./attempt-list.ts";
import { type AttemptView, folderOf, notFound } from "./attempt-view.ts";

/** @throws {JobxError} `FS_NOT_EMPTY`. */
export async function checkEmpty(
  view: AttemptView,
  { path, rel }: { readonly path: string; readonly rel: string },
  options: CallOptions,
): Promise<void> {
  let after: string | undefined;
  do {
    const page = { workflow: view.workflow, path, rel, limit: 1, after };
    const { entries, next } = await listSeen(view, page, options);
    if (entries.length > 0) throw treeError("FS_NOT_EMPTY", "the folder is not empty", { path });
    after = next ?? undefined;
  } while (after !== undefined);
}

/**
 * The folder of a path is there, or nothing is and it may be made.
 * @throws {JobxError} `FS_NOT_FOUND`, `FS_NOT_DIRECTORY`.
 */
export async function checkFolder(
  view: AttemptView,
  at: { readonly path: string; readonly rel: string; readonly parents: boolean },
  options: CallOptions,
): Promise<void> {
  const { path, rel, parents } = at;
  const folder = folderOf(rel);
  // The workspace is made by writing into it.
  if (folder === "") return;
  const found = await view.find(folder, options, true);
  if (found === undefined && !parents) throw notFound(path);
  if (found !== undefined && found.view.type !== "directory") {
    throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
  }
}
