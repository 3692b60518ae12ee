/** Inodes as mounts are shown them. */
import type { BlockView, InodeView } from "../../api/inode-port.ts";
import { type Found, linksOf } from "../../scheduler/tree/reads.ts";
import type { FileBlock, InodeRow } from "../../scheduler/tree/rows.ts";

const TYPES = {
  "fs-file": "file",
  "fs-directory": "directory",
  "fs-symlink": "symlink",
} as const satisfies Record<InodeRow["kind"], InodeView["type"]>;

export function inodeView({ inode, row }: Found): InodeView {
  const { revision, mode, mtimeMicros, changedMs } = row;
  return {
    ...{ inode, type: TYPES[row.kind], revision, mode, mtimeMicros, changedMs },
    links: linksOf(row),
    bytes: row.kind === "fs-file" ? row.bytes : 0,
    // Content whose writer did not tell its id is known by the command that brought it, or a later one.
    content: row.kind === "fs-file" ? (row.root ?? `revision-${revision}`) : null,
    target: row.kind === "fs-symlink" ? row.target : null,
  };
}

/** A block as it is named in lists. */
export function blockView({ cid, bytes, plain }: FileBlock): BlockView {
  return { cid, bytes, plain: plain ?? null };
}

/** One that went with its last name. */
export function goneView(found: Found): InodeView {
  return { ...inodeView(found), links: 0 };
}
