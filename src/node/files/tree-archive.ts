/** A folder with all below it as an archive: page by page of each folder, and the content of one file at a time. */

import type { TarHead } from "../../api/tar/tar-entry.ts";
import { TAR_END, tarHeader, tarPadding } from "../../api/tar/tar-writer.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import type { FileRow } from "../../scheduler/tree/rows.ts";

/** Names of a folder read at a time: one such page is in memory for each folder on the way down. */
const PAGE_NAMES = 200;

/** Folders in folders, as many as a path may have names. */
const DEPTH_MAX = 256;

export interface ArchiveDeps {
  /** A page of a folder in the order of names, with what they lead to; those that went meanwhile are left out. */
  readonly page: (
    directory: number,
    how: { readonly after: string | undefined; readonly limit: number },
  ) => Promise<{
    readonly entries: readonly (Found & { readonly name: string })[];
    readonly next: string | undefined;
  }>;
  readonly read: (file: FileRow) => AsyncIterable<Uint8Array>;
}

/**
 * The archive.
 * @throws {JobxError} as `readFile`; {TreeError} `FS_CHANGED` when a file does not have its size, and
 * `FS_NAME_TOO_LONG` for what lies too deep. Then the end mark is not there.
 */
export async function* archiveOf(
  deps: ArchiveDeps,
  root: Found,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield tarHeader(headOf("", root));
  yield* below(deps, { inode: root.inode, path: "", depth: 0 });
  yield TAR_END;
}

async function* below(
  deps: ArchiveDeps,
  folder: { readonly inode: number; readonly path: string; readonly depth: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  if (folder.depth >= DEPTH_MAX) {
    throw treeError("FS_NAME_TOO_LONG", "folders lie too deep in each other", folder);
  }
  let after: string | undefined;
  do {
    const { entries, next } = await deps.page(folder.inode, { after, limit: PAGE_NAMES });
    for (const { name, inode, row } of entries) {
      const path = folder.path === "" ? name : `${folder.path}/${name}`;
      yield tarHeader(headOf(path, { inode, row }));
      if (row.kind === "fs-directory") yield* below(deps, { inode, path, depth: folder.depth + 1 });
      if (row.kind === "fs-file") yield* contentOf(deps, row, path);
    }
    after = next;
  } while (after !== undefined);
}

async function* contentOf(
  deps: ArchiveDeps,
  row: FileRow,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  if (row.bytes > 0) {
    for await (const slice of deps.read(row)) {
      bytes += slice.length;
      yield slice;
    }
  }
  if (bytes !== row.bytes) {
    throw treeError("FS_CHANGED", "the file was replaced while it was read", { path });
  }
  yield tarPadding(bytes);
}

function headOf(path: string, { row }: Found): TarHead {
  const { mode, mtimeMicros } = row;
  const base = { path, mode, mtimeMicros };
  switch (row.kind) {
    case "fs-file":
      return { kind: "file", bytes: row.bytes, ...base };
    case "fs-directory":
      return { kind: "directory", ...base };
    case "fs-symlink":
      return { kind: "symlink", target: row.target, ...base };
  }
}
