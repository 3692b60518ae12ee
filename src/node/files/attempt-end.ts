/** What the end of an attempt does to its workspace, listed so that one transition can do it. */
import type { CallOptions } from "../../api/ports.ts";
import { FS_PREPARED_MAX } from "../../scheduler/tree/commands.ts";
import type { PreparedEnd, PreparedMove } from "../../scheduler/tree/rows.ts";
import { type AttemptView, joined } from "./attempt-view.ts";

/**
 * Undefined where the attempt has changed nothing. Folders are listed name by name as far as there is room for
 * it, the upper ones first, so that they join those that others make meanwhile; the rest go as a whole.
 */
export async function endOfAttempt(
  view: AttemptView,
  options: CallOptions,
): Promise<PreparedEnd | undefined> {
  if (!view.isChanged) return undefined;
  await view.settle(options);
  const removes = [...view.removed];
  const publishes = [...view.published];
  let room = FS_PREPARED_MAX - removes.length - publishes.length;
  const moves: PreparedMove[] = [];
  const folders = [""];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const entries = await namesIn(view, { folder, room }, options);
    if (entries === undefined) {
      // Its own place among them is that of its name; the workspace itself has none.
      if (folder === "") return { removes, moves: [{ path: "", whole: true }], publishes };
      continue;
    }
    room -= entries.length;
    const at = moves.findIndex(({ path }) => path === folder);
    if (at >= 0) moves[at] = { path: folder, whole: false };
    for (const { name, type } of entries) {
      const path = joined(folder, name);
      moves.push({ path, whole: type === "directory" });
      if (type === "directory") folders.push(path);
    }
  }
  return { removes, moves, publishes };
}

/** Undefined where there are more than there is room for. */
async function namesIn(
  view: AttemptView,
  { folder, room }: { readonly folder: string; readonly room: number },
  options: CallOptions,
): Promise<readonly { readonly name: string; readonly type: string }[] | undefined> {
  const { workflow, below } = view;
  const page = { workflow, path: view.staged(folder), after: undefined, limit: room + 1 };
  const { entries, next } = await below.files.list(page, options);
  return next !== null || entries.length > room ? undefined : entries;
}
