/** The workspace of a request: a folder of the volume that goes with it. */
import { assert } from "../../std/assert.ts";
import { type Position, rowOf, type WorkflowTransaction } from "../apply-kit.ts";
import { META_KEY } from "../keys.ts";
import { requestId } from "../unit.ts";
import { TreeChange } from "./change.ts";
import { dropEntry } from "./inodes.ts";
import { VOLUME_KEY } from "./keys.ts";
import { findEntry } from "./reading.ts";
import { ROOT_INODE } from "./rows.ts";

/** The folder of the root that has those of all requests. */
const WORKSPACES = ".requests";

/** The path of a request's workspace; `request` is its id as people see it. Who needs it makes it. */
export function workspacePath(request: string): string {
  return `${WORKSPACES}/${request}`;
}

/** The same, of a request by its number. @throws {MissingRows} */
export function workspaceOf(tx: WorkflowTransaction, request: number): string {
  const meta = rowOf(tx, "meta", META_KEY);
  assert(meta !== undefined, "a request is one of a workflow that was made");
  return workspacePath(requestId(meta.name, meta.group, request));
}

/** The workspace of a request that is removed, if it has one, goes as a removed tree does. @throws {MissingRows} */
export function removeWorkspace(tx: WorkflowTransaction, at: Position, request: string): void {
  // Most workflows have no volume, and then there is nothing more to look at.
  if (tx.get(VOLUME_KEY) === undefined) return;
  const change = new TreeChange(tx, at);
  const all = findEntry(change, ROOT_INODE, WORKSPACES);
  if (all?.type !== "directory") return;
  const place = { parent: all.inode, name: request };
  const entry = findEntry(change, place.parent, place.name);
  if (entry === undefined) return;
  dropEntry(change, entry);
  change.putEntry(place, { before: entry, after: undefined });
  change.finish();
}
