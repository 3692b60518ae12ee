/**
 * A folder with all below it as an archive: page by page of each folder, small files that follow each other
 * together, and of larger ones the content of one at a time.
 */
import { ByteSource } from "../../api/tar/byte-source.ts";

import type { TarHead } from "../../api/tar/tar-entry.ts";
import { TAR_END, tarHeader, tarPadding } from "../../api/tar/tar-writer.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import type { FileRow } from "../../scheduler/tree/rows.ts";
import { Pieces } from "../../std/pieces.ts";

/** Names of a folder read at a time: one such page is in memory for each folder on the way down. */
const PAGE_NAMES = 200;

/** A file up to this size is read with its neighbours, and so much of them together. */
const SMALL_FILE_BYTES = 256 * 1024;
const TOGETHER_BYTES = 4 * 1024 * 1024;

/** What is sent at once. */
const PIECE_BYTES = 256 * 1024;

/** Folders in folders, as many as a path may have names. */
const DEPTH_MAX = 256;

interface Page {
  readonly entries: readonly (Found & { readonly name: string })[];
  readonly next: string | undefined;
}

export interface ArchiveDeps {
  /** A page of a folder in the order of names, with what they lead to; those that went meanwhile are left out. */
  readonly page: (
    directory: number,
    how: { readonly after: string | undefined; readonly limit: number },
  ) => Promise<Page>;
  readonly read: (file: FileRow) => AsyncIterable<Uint8Array>;
  /** One file after the other; all of them have their lists in their rows. */
  readonly readTogether: (files: readonly FileRow[]) => AsyncIterable<Uint8Array>;
}

/** A member that is sent with its neighbours. */
interface Neighbour {
  readonly head: Uint8Array;
  readonly path: string;
  /** Undefined for what has no content. */
  readonly file: FileRow | undefined;
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
  let page: Promise<Page> | undefined = pageAfter(deps, folder.inode, undefined);
  while (page !== undefined) {
    const { entries, next }: Page = await page;
    // Looked up while this one is sent.
    page = next === undefined ? undefined : pageAfter(deps, folder.inode, next);
    let together: Neighbour[] = [];
    let bytes = 0;
    for (const { name, inode, row } of entries) {
      const path = folder.path === "" ? name : `${folder.path}/${name}`;
      const head = tarHeader(headOf(path, { inode, row }));
      const isLarge = row.kind === "fs-file" && !isSmall(row);
      if (row.kind !== "fs-directory" && !isLarge) {
        const file = row.kind === "fs-file" ? row : undefined;
        together.push({ head, path, file });
        bytes += file?.bytes ?? 0;
      }
      if (row.kind === "fs-directory" || isLarge || bytes >= TOGETHER_BYTES) {
        yield* contentsOf(deps, together);
        [together, bytes] = [[], 0];
      }
      if (row.kind === "fs-directory" || isLarge) yield head;
      if (row.kind === "fs-directory") yield* below(deps, { inode, path, depth: folder.depth + 1 });
      if (row.kind === "fs-file" && isLarge) yield* contentOf(deps, row, path);
    }
    yield* contentsOf(deps, together);
  }
}

/** Who waits for it is told what went wrong; that nobody does is no mistake. */
function pageAfter(deps: ArchiveDeps, directory: number, after: string | undefined): Promise<Page> {
  const page = deps.page(directory, { after, limit: PAGE_NAMES });
  page.catch(() => undefined);
  return page;
}

function isSmall({ bytes, content }: FileRow): boolean {
  if (bytes > SMALL_FILE_BYTES || content.kind !== "inline") return false;
  return content.blocks.reduce((sum, block) => sum + block.bytes, 0) === bytes;
}

/** Small files and links, in pieces. */
async function* contentsOf(
  deps: ArchiveDeps,
  members: readonly Neighbour[],
): AsyncGenerator<Uint8Array, void, undefined> {
  if (members.length === 0) return;
  const files = members.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const source = new ByteSource(deps.readTogether(files));
  const pieces = new Pieces(PIECE_BYTES);
  try {
    for (const { head, path, file } of members) {
      pieces.add(head);
      if (file !== undefined && file.bytes > 0) {
        const content = source.now(file.bytes) ?? (await source.read(file.bytes));
        if (content.length !== file.bytes) throw changed(path);
        pieces.add(content);
        pieces.add(tarPadding(file.bytes));
      }
      if (pieces.isFull) yield pieces.take();
    }
    if (pieces.bytes > 0) yield pieces.take();
  } finally {
    await source.close();
  }
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
  if (bytes !== row.bytes) throw changed(path);
  yield tarPadding(bytes);
}

function changed(path: string): Error {
  return treeError("FS_CHANGED", "the file was replaced while it was read", { path });
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
