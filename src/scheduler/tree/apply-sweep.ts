/**
 * What is removed goes in steps (R12): unseen at once, then its rows as the leader names them, since applying
 * cannot scan. Each step checks that what it names was removed; the last is known by the counts.
 */
import { assert } from "../../std/assert.ts";
import { rowOf } from "../apply-kit.ts";
import { forEach, type TreeChange } from "./change.ts";
import type { TreeCommand } from "./commands.ts";
import { unnameBlocks } from "./content.ts";
import { dropEntry } from "./inodes.ts";
import { treeKeys } from "./keys.ts";
import { findEntry, findInode } from "./reading.ts";

type Command<K extends TreeCommand["kind"]> = Extract<TreeCommand, { readonly kind: K }>;

/** Takes names of a removed folder away; what folders below had in them is swept as theirs. */
export function sweepDirectory(change: TreeChange, command: Command<"fs-sweep">): void {
  const { directory: parent, names } = command;
  const key = treeKeys.sweptDirectory(parent);
  if (rowOf(change, "fs-index", key) === undefined) return;
  forEach(names, (name) => {
    const entry = findEntry(change, parent, name);
    if (entry === undefined) return;
    dropEntry(change, entry);
    change.putEntry({ parent, name }, { before: entry, after: undefined });
  });
  const row = findInode(change, parent);
  assert(row?.kind === "fs-directory" && row.parent === 0, "what is swept was removed");
  if (row.entries > 0) return;
  change.deleteInode(parent);
  change.delete(key);
}

/** Takes the last part of the list of a content that nobody has; with the first it goes. */
export function sweepContent(change: TreeChange, command: Command<"fs-sweep-content">): void {
  const { content } = command;
  const key = treeKeys.sweptContent(content);
  if (rowOf(change, "fs-index", key) === undefined) return;
  const row = rowOf(change, "fs-content", treeKeys.content(content));
  assert(row?.links === 0 && row.upload === undefined, "what is swept nobody has");
  const last = row.parts - 1;
  const part = rowOf(change, "fs-part", treeKeys.part(content, last));
  assert(part !== undefined, "a content counts its parts");
  unnameBlocks(change, part.blocks);
  change.delete(treeKeys.part(content, last));
  if (last === 0) {
    change.delete(treeKeys.content(content));
    change.delete(key);
    return;
  }
  const blocks = row.blocks - part.blocks.length;
  change.put(treeKeys.content(content), { ...row, parts: last, blocks, bytes: part.startBytes });
}
