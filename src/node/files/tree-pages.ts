/** Folders read page by page, and all that lies below one of them. */
import { treeError } from "../../scheduler/tree/errors.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";

/** Names of a folder read at a time: one such page is in memory for each folder on the way down. */
const PAGE_NAMES = 200;

/** Folders in folders that are gone down into, as many as a path may have names. */
const WALK_DEPTH_MAX = 256;

/** A name of a folder with what it leads to. */
export type NamedFound = Found & { readonly name: string };

/** What is below a folder; the path is relative to it. */
export type FoundBelow = Found & { readonly path: string };

/** A page of a folder in the order of names; what went meanwhile is left out. */
export async function readPage(
  reader: TreeReader,
  call: FileCall,
  of: Parameters<TreeReader["names"]>[1],
): Promise<{ readonly entries: readonly NamedFound[]; readonly next: string | undefined }> {
  const { names, more } = await reader.names(call, of);
  const entries = await reader.rows(call, names);
  return { entries, next: more ? names.at(-1)?.name : undefined };
}

/** All entries of a folder in the order of names. @throws {TreeError} */
export async function* readEntries(
  reader: TreeReader,
  call: FileCall,
  directory: number,
): AsyncGenerator<NamedFound, void, undefined> {
  let after: string | undefined;
  do {
    const page = await readPage(reader, call, { directory, after, limit: PAGE_NAMES });
    yield* page.entries;
    after = page.next;
  } while (after !== undefined);
}

/**
 * All below a folder, each folder before what is in it. Holds a page for each folder on the way.
 * @throws {TreeError} `FS_NAME_TOO_LONG` for what lies too deep.
 */
export async function* walkBelow(
  reader: TreeReader,
  call: FileCall,
  folder: { readonly inode: number; readonly path?: string; readonly depth?: number },
): AsyncGenerator<FoundBelow, void, undefined> {
  const { path: above = "", depth = 0 } = folder;
  if (depth >= WALK_DEPTH_MAX) {
    throw treeError("FS_NAME_TOO_LONG", "folders lie too deep in each other", { path: above });
  }
  for await (const { name, inode, row } of readEntries(reader, call, folder.inode)) {
    const path = above === "" ? name : `${above}/${name}`;
    yield { path, inode, row };
    if (row.kind === "fs-directory")
      yield* walkBelow(reader, call, { inode, path, depth: depth + 1 });
  }
}
