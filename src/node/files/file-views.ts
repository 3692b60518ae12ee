/** Inodes as they are shown. */
import type { FileList, FileView } from "../../api/file-port.ts";
import { type Found, linksOf } from "../../scheduler/tree/reads.ts";
import type { InodeRow, InodeType } from "../../scheduler/tree/rows.ts";

const TYPES = {
  "fs-file": "file",
  "fs-directory": "directory",
  "fs-symlink": "symlink",
} as const satisfies Record<InodeRow["kind"], InodeType>;

/** The view of an inode under a path. */
export function fileView(path: string, found: Found): FileView {
  return { path: `/${path}`, ...shown(found) };
}

/** The same under a name of a folder. */
export function entryView(name: string, found: Found): FileList["entries"][number] {
  return { name, ...shown(found) };
}

function shown({ inode, row }: Found): Omit<FileView, "path"> {
  return {
    type: TYPES[row.kind],
    inode,
    revision: row.revision,
    mode: row.mode,
    mtime: momentOf(row.mtimeMicros),
    links: linksOf(row),
    bytes: row.kind === "fs-file" ? row.bytes : 0,
    cid: row.kind === "fs-file" ? (row.root ?? null) : null,
    target: row.kind === "fs-symlink" ? row.target : null,
    entries: row.kind === "fs-directory" ? row.entries : null,
  };
}

/** ISO 8601; a time that has no text, far away, is shown as the beginning. */
export function momentOf(micros: number): string {
  const date = new Date(Math.floor(micros / 1000));
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
}
