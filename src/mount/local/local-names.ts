/** Changes of names of a local volume: each answers the rows that it changes, or is refused. */
import { VolumeError, volumeError } from "../errors.ts";
import { checkName } from "../file-name.ts";
import type { InodeId, Place } from "../ports.ts";
import type { InodeRow, RowChange } from "./local-records.ts";
import type { LocalTree } from "./local-tree.ts";

/** Names that refer to one inode, as ext4 has it. */
export const LINKS_MAX = 65_000;

const SET_GROUP_ID = 0o2000;

/** The directory. @throws {VolumeError} `VOLUME_NOT_FOUND`, `VOLUME_NOT_DIRECTORY` */
export function directoryRow(tree: LocalTree, inode: InodeId): InodeRow {
  const row = tree.row(inode);
  if (row.kind !== "directory") throw volumeError("VOLUME_NOT_DIRECTORY", "no directory");
  return row;
}

/** What has the name. @throws {VolumeError} `VOLUME_NOT_FOUND`, `VOLUME_NOT_DIRECTORY` */
export function rowAt(tree: LocalTree, { parent, name }: Place): InodeRow {
  directoryRow(tree, parent);
  const inode = tree.entry(parent, name);
  if (inode === undefined) throw volumeError("VOLUME_NOT_FOUND", "no such name");
  return tree.row(inode);
}

/** The rows of something new: its own, its name, its directory. @throws {VolumeError} */
export function entered(tree: LocalTree, place: Place, made: InodeRow): readonly RowChange[] {
  checkName(place.name);
  const parent = directoryRow(tree, place.parent);
  if (tree.entry(place.parent, place.name) !== undefined) {
    throw volumeError("VOLUME_EXISTS", "the name is in use");
  }
  // As on other file systems, a directory may hand its group down.
  const inherits = (parent.mode & SET_GROUP_ID) !== 0;
  const row: InodeRow = inherits
    ? { ...made, gid: parent.gid, mode: made.mode | (made.kind === "directory" ? SET_GROUP_ID : 0) }
    : made;
  const links = parent.links + (made.kind === "directory" ? 1 : 0);
  return [
    { kind: "inode", inode: row.inode, row },
    { kind: "entry", parent: place.parent, name: place.name, inode: row.inode },
    changed({ ...parent, links, mtimeNs: made.ctimeNs, ctimeNs: made.ctimeNs }),
  ];
}

export function linked(
  tree: LocalTree,
  inode: InodeId,
  { place, nowNs }: { readonly place: Place; readonly nowNs: bigint },
): readonly RowChange[] {
  const row = tree.row(inode);
  if (row.kind === "directory") throw volumeError("VOLUME_FORBIDDEN", "directories have one name");
  if (row.links >= LINKS_MAX) throw volumeError("VOLUME_FORBIDDEN", "too many names");
  return entered(tree, place, { ...row, links: row.links + 1, ctimeNs: nowNs });
}

/** A name goes, and with its last one the inode. */
export function unlinked(
  tree: LocalTree,
  place: Place,
  { nowNs, isDirectory }: { readonly nowNs: bigint; readonly isDirectory: boolean },
): readonly RowChange[] {
  const row = rowAt(tree, place);
  const parent = directoryRow(tree, place.parent);
  if (isDirectory) {
    if (row.kind !== "directory") throw volumeError("VOLUME_NOT_DIRECTORY", "no directory");
    if (!tree.isEmpty(row.inode)) throw volumeError("VOLUME_NOT_EMPTY", "not empty");
  } else if (row.kind === "directory") {
    throw volumeError("VOLUME_IS_DIRECTORY", "a directory");
  }
  const links = parent.links - (isDirectory ? 1 : 0);
  return [
    { kind: "entry", parent: place.parent, name: place.name, inode: undefined },
    nameLost(row, nowNs),
    changed({ ...parent, links, mtimeNs: nowNs, ctimeNs: nowNs }),
  ];
}

/** One name fewer; a directory has only one. */
export function nameLost(row: InodeRow, nowNs: bigint): RowChange {
  const isLast = row.kind === "directory" || row.links === 1;
  const left = { ...row, links: row.links - 1, ctimeNs: nowNs };
  return { kind: "inode", inode: row.inode, row: isLast ? undefined : left };
}

/**
 * A name moves, over what has the new one. Undefined when both names are of one inode already: then
 * nothing happens.
 */
export function renamed(
  tree: LocalTree,
  { from, to }: { readonly from: Place; readonly to: Place },
  { nowNs, replace }: { readonly nowNs: bigint; readonly replace: boolean },
): readonly RowChange[] | undefined {
  checkName(to.name);
  const row = rowAt(tree, from);
  directoryRow(tree, to.parent);
  const targetId = tree.entry(to.parent, to.name);
  const target = targetId === undefined ? undefined : tree.row(targetId);
  if (target !== undefined && !replace) throw volumeError("VOLUME_EXISTS", "the name is in use");
  if (target?.inode === row.inode) return undefined;
  if (target !== undefined) checkReplaced(tree, row, target);
  const isDirectory = row.kind === "directory";
  if (isDirectory) checkNotInside(tree, row.inode, to.parent);
  const changes: RowChange[] = [
    { kind: "entry", parent: from.parent, name: from.name, inode: undefined },
    { kind: "entry", parent: to.parent, name: to.name, inode: row.inode },
    changed({ ...row, ctimeNs: nowNs }),
  ];
  if (target !== undefined) changes.push(nameLost(target, nowNs));
  const parents = new Map([from.parent, to.parent].map((id) => [id, tree.row(id)]));
  for (const [id, parent] of parents) {
    let { links } = parent;
    if (isDirectory && id === from.parent) links -= 1;
    if (isDirectory && id === to.parent) links += 1;
    if (target?.kind === "directory" && id === to.parent) links -= 1;
    changes.push(changed({ ...parent, links, mtimeNs: nowNs, ctimeNs: nowNs }));
  }
  return changes;
}

function checkReplaced(tree: LocalTree, row: InodeRow, target: InodeRow): void {
  if (target.kind === "directory") {
    if (row.kind !== "directory") throw volumeError("VOLUME_IS_DIRECTORY", "a directory");
    if (!tree.isEmpty(target.inode)) throw volumeError("VOLUME_NOT_EMPTY", "not empty");
  } else if (row.kind === "directory") {
    throw volumeError("VOLUME_NOT_DIRECTORY", "no directory");
  }
}

/** A directory cannot go below itself. The walk is as long as the tree is deep. */
function checkNotInside(tree: LocalTree, moved: InodeId, into: InodeId): void {
  for (let at: InodeId | undefined = into; at !== undefined; at = tree.parentOf(at)) {
    if (at !== moved) continue;
    const reason = "a directory cannot be moved into itself";
    throw new VolumeError({ code: "VOLUME_INVALID", reason }, reason);
  }
}

export function changed(row: InodeRow): RowChange {
  return { kind: "inode", inode: row.inode, row };
}
