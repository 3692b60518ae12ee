/**
 * What files were before: a content that is replaced or removed goes on as a frozen inode, to which the history of the
 * file leads while the file is there, and after that the history of its name. The leader names what is too old.
 */
import { rowOf } from "../apply-kit.ts";
import type { Row } from "../rows.ts";
import { type RowView, readAll } from "../transaction.ts";
import { forEach, type TreeChange } from "./change.ts";
import type { TreeCommand } from "./commands.ts";
import { dropEntry, dropLink } from "./inodes.ts";
import { RETENTION_KEY, treeKeys, treePrefixes } from "./keys.ts";
import { inodeOf } from "./reading.ts";
import {
  type EntryRow,
  type FileRow,
  HISTORY_VERSIONS_MAX,
  type KeptVersion,
  type NamedPlace,
  type RetentionRow,
} from "./rows.ts";

type Command<K extends TreeCommand["kind"]> = Extract<TreeCommand, { readonly kind: K }>;

/** What a volume keeps of files that are replaced or removed; undefined: nothing. @throws {MissingRows} */
export function retentionOf(view: RowView<Row>): RetentionRow | undefined {
  const row = rowOf(view, "fs-retention", RETENTION_KEY);
  return row === undefined || row.versions === 0 ? undefined : row;
}

/** Versions in a row of histories, oldest first. @throws {MissingRows} */
export function versionsAt(view: RowView<Row>, key: string): readonly KeptVersion[] {
  return rowOf(view, "fs-history", key)?.versions ?? [];
}

/** In the order in which they were kept: numbers only rise. */
export function inOrder(...lists: readonly (readonly KeptVersion[])[]): readonly KeptVersion[] {
  return lists.flat().sort((a, b) => a.inode - b.inode);
}

/** Those that are to go by now, oldest first. */
export function dueOf(
  versions: readonly KeptVersion[],
  retention: RetentionRow | undefined,
  nowMs: number,
): readonly KeptVersion[] {
  if (retention === undefined) return versions;
  const many = versions.length - retention.versions;
  return versions.filter(({ keptMs }, at) => at < many || keptMs + retention.versionsMs <= nowMs);
}

/** Says what is kept from now on; what is there already goes by it as well. */
export function setRetention(change: TreeChange, command: Command<"fs-retention">): void {
  const { versions, versionsMs } = command;
  change.put(RETENTION_KEY, { kind: "fs-retention", versions, versionsMs });
}

/** Asks for all that replacing an inode looks at first, in one round. @throws {MissingRows} */
export function readReplaced(change: TreeChange, inode: number): void {
  readAll(change, [treeKeys.inode(inode), RETENTION_KEY]);
}

/**
 * Keeps the content that a file had before it gets another one; false where it is not to be kept, and then it is the
 * caller's to leave. The file's bytes count twice then.
 */
export function keepReplacedContent(change: TreeChange, inode: number, row: FileRow): boolean {
  const retention = retentionOf(change);
  if (retention === undefined) return false;
  const key = treeKeys.inodeHistory(inode);
  const kept = withRoom(change, versionsAt(change, key), retention);
  if (kept === undefined) return false;
  const version = change.newInode({ ...row, links: 1 }, { frozen: true });
  change.count({ usedBytes: row.bytes });
  const versions = [...kept, { inode: version, keptMs: change.stampMs }];
  change.put(key, { kind: "fs-history", versions });
  return true;
}

/** What an entry led to has lost that name; of a file that has no other it is kept as a version of the name. */
export function dropNamed(change: TreeChange, entry: EntryRow, place: NamedPlace): void {
  if (entry.type !== "file") {
    dropEntry(change, entry);
    return;
  }
  const { inode } = entry;
  readReplaced(change, inode);
  const row = inodeOf(change, inode);
  const isLast = row.kind === "fs-file" && row.links === 1;
  if (!isLast || !keepRemoved(change, { inode, row }, place)) dropLink(change, inode);
}

function keepRemoved(
  change: TreeChange,
  { inode, row }: { readonly inode: number; readonly row: FileRow },
  { parent, name }: NamedPlace,
): boolean {
  const retention = retentionOf(change);
  if (retention === undefined) return false;
  const [ownKey, key] = [treeKeys.inodeHistory(inode), treeKeys.nameHistory(parent, name)];
  readAll(change, [ownKey, key]);
  const all = inOrder(versionsAt(change, ownKey), versionsAt(change, key));
  // What is too much for one row stays under the number of the inode, and goes when its time is over.
  const left = all.slice(0, -HISTORY_VERSIONS_MAX);
  const kept = withRoom(change, all.slice(-HISTORY_VERSIONS_MAX), retention);
  if (kept === undefined) return false;
  // Its content and bytes go from the one to the other.
  const version = change.newInode(row, { frozen: true });
  change.deleteInode(inode);
  const versions = [...kept, { inode: version, keptMs: change.stampMs }];
  change.put(key, { kind: "fs-history", versions });
  if (left.length > 0) change.put(ownKey, { kind: "fs-history", versions: left });
  else change.delete(ownKey);
  return true;
}

/** With room for one more; undefined where there is none, since the command has taken away as many as it may. */
function withRoom(
  change: TreeChange,
  versions: readonly KeptVersion[],
  retention: RetentionRow,
): readonly KeptVersion[] | undefined {
  const [oldest] = versions;
  if (oldest !== undefined && versions.length >= retention.versions && change.mayDropVersion()) {
    dropLink(change, oldest.inode);
    return versions.slice(1);
  }
  return versions.length < HISTORY_VERSIONS_MAX ? versions : undefined;
}

/** The leader's: takes away what is due in these histories, as much as one command may. */
export function expireVersions(change: TreeChange, { keys }: Command<"fs-expire">): void {
  const retention = retentionOf(change);
  forEach(keys, (key) => {
    if (!key.startsWith(treePrefixes.histories)) return;
    const versions = versionsAt(change, key);
    const due = dueOf(versions, retention, change.stampMs).filter(() => change.mayDropVersion());
    if (due.length === 0) return;
    forEach(due, ({ inode }) => dropLink(change, inode));
    const rest = versions.filter((one) => !due.includes(one));
    if (rest.length > 0) change.put(key, { kind: "fs-history", versions: rest });
    else change.delete(key);
  });
}
