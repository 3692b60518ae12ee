/**
 * The rows that one command of the tree writes, above the transaction: put there together at the end, so a
 * command that is refused half way has written nothing. Rows that many of its parts change (the volume, a
 * folder) are written once.
 */
import { assert } from "../../std/assert.ts";
import { type Position, revisionOf, type WorkflowTransaction } from "../apply-kit.ts";
import type { Row } from "../rows.ts";
import { MissingRows, type RowView, type UNKNOWN } from "../transaction.ts";
import { FS_VERSIONS_DROPPED_MAX } from "./commands.ts";
import { treeError } from "./errors.ts";
import { treeKeys, VOLUME_KEY } from "./keys.ts";
import { directoryOf, notFound, volumeOf } from "./reading.ts";
import {
  type DirectoryRow,
  type EntryRow,
  FROZEN_INODE_FIRST,
  type InodeRow,
  type NamedPlace,
  type VolumeRow,
} from "./rows.ts";

/** What a command adds to the counts of the volume. */
type VolumeCounts = Pick<VolumeRow, "usedBytes" | "usedInodes" | "pins">;

export class TreeChange implements RowView<Row> {
  /** Number of the command: the revision of all that it changes. */
  readonly revision: number;
  readonly stampMs: number;
  readonly #tx: WorkflowTransaction;
  readonly #rows = new Map<string, Row | undefined>();
  /** Of these keys nothing was there before. */
  readonly #fresh = new Set<string>();
  readonly #inodes = new Set<number>();
  readonly #entries: NamedPlace[] = [];
  readonly #before: VolumeRow;
  #volume: VolumeRow;
  #sweeps = false;
  #freezes = false;
  #dropped = 0;

  /** @throws {MissingRows} */
  constructor(tx: WorkflowTransaction, at: Position) {
    this.#tx = tx;
    this.revision = revisionOf(at);
    this.stampMs = at.stampMs;
    this.#before = volumeOf(tx);
    this.#volume = this.#before;
  }

  peek(key: string): Row | undefined | typeof UNKNOWN {
    return this.#rows.has(key) ? this.#rows.get(key) : this.#tx.peek(key);
  }

  put(key: string, row: Row): void {
    this.#rows.set(key, row);
  }

  /** Puts a row where there never was one: its key has a new number. */
  insert(key: string, row: Row): void {
    this.#fresh.add(key);
    this.#rows.set(key, row);
  }

  delete(key: string): void {
    this.#rows.set(key, undefined);
  }

  get volume(): VolumeRow {
    return this.#volume;
  }

  setVolume(next: Partial<Omit<VolumeRow, "kind">>): void {
    this.#volume = { ...this.#volume, ...next };
  }

  count(add: Partial<VolumeCounts>): void {
    const { usedBytes, usedInodes, pins } = this.#volume;
    this.setVolume({
      usedBytes: usedBytes + (add.usedBytes ?? 0),
      usedInodes: usedInodes + (add.usedInodes ?? 0),
      pins: pins + (add.pins ?? 0),
    });
  }

  /** What an inode that the command makes or changes has of it. */
  stamp(): Pick<InodeRow, "changedMs" | "revision"> {
    return { changedMs: this.stampMs, revision: this.revision };
  }

  /** Inodes that are made from now on are frozen. */
  freeze(): void {
    this.#freezes = true;
  }

  /** Whether the command may take one more version away; each answer is for one. */
  mayDropVersion(): boolean {
    this.#dropped += 1;
    return this.#dropped <= FS_VERSIONS_DROPPED_MAX;
  }

  /** Makes an inode and its number. */
  newInode(row: InodeRow, { frozen = this.#freezes } = {}): number {
    const { nextInode } = this.#volume;
    const inode = frozen ? FROZEN_INODE_FIRST + nextInode : nextInode;
    this.setVolume({ nextInode: nextInode + 1 });
    this.count({ usedInodes: 1 });
    this.insert(treeKeys.inode(inode), row);
    return inode;
  }

  /** Writes an inode that changes. */
  putInode(inode: number, row: InodeRow): void {
    this.put(treeKeys.inode(inode), { ...row, ...this.stamp() });
    this.#changed(inode);
  }

  /** Of an inode without a name. */
  deleteInode(inode: number): void {
    this.delete(treeKeys.inode(inode));
    this.count({ usedInodes: -1 });
    this.#changed(inode);
  }

  /**
   * Gives a name of a folder to an inode, in place of what it led to.
   * @throws {TreeError} `FS_NOT_FOUND` for a new name in a folder that was removed.
   */
  putEntry({ parent, name }: NamedPlace, change: EntryChange): void {
    const { before, after } = change;
    const directory = directoryOf(this, parent);
    if (after !== undefined && directory.parent === 0) throw notFound(name);
    const key = treeKeys.entry(parent, name);
    if (after === undefined) this.delete(key);
    else this.put(key, after);
    const isThere = (entry: EntryRow | undefined): number => (entry === undefined ? 0 : 1);
    const isFolder = (entry: EntryRow | undefined): number => (entry?.type === "directory" ? 1 : 0);
    const next: DirectoryRow = {
      ...directory,
      mtimeMicros: this.stampMs * 1000,
      entries: directory.entries + isThere(after) - isThere(before),
      directories: directory.directories + isFolder(after) - isFolder(before),
    };
    assert(
      next.entries >= next.directories && next.directories >= 0,
      "a folder counts its entries",
    );
    this.putInode(parent, next);
    if (parent < FROZEN_INODE_FIRST) this.#entries.push({ parent, name });
  }

  /** Nobody watches what is frozen. */
  #changed(inode: number): void {
    if (inode < FROZEN_INODE_FIRST) this.#inodes.add(inode);
  }

  /** The leader has something to sweep. */
  sweep(key: string): void {
    this.put(key, { kind: "fs-index" });
    this.#sweeps = true;
  }

  /**
   * Puts all into the transaction, and says what has changed.
   * @throws {TreeError} `FS_QUOTA` when the volume would hold more than before, and more than it may.
   */
  finish(): void {
    this.#checkQuota();
    for (const [key, row] of this.#rows) {
      const fresh = this.#fresh.has(key);
      if (row === undefined) {
        if (!fresh) this.#tx.delete(key);
      } else if (fresh) this.#tx.insert(key, row);
      else this.#tx.put(key, row);
    }
    if (this.#volume !== this.#before) this.#tx.put(VOLUME_KEY, this.#volume);
    if (this.#inodes.size > 0) {
      const { revision } = this;
      this.#tx.emit({
        kind: "tree-changed",
        revision,
        inodes: [...this.#inodes],
        entries: this.#entries,
      });
    }
    if (this.#sweeps) this.#tx.emit({ kind: "tree-sweep" });
  }

  #checkQuota(): void {
    const { usedBytes, usedInodes, quotaBytes, quotaInodes, pins } = this.#volume;
    assert(
      Math.min(usedBytes, usedInodes, pins) >= 0,
      "nothing leaves the volume that has not come",
    );
    const full = (used: number, before: number, quota: number | undefined): boolean =>
      quota !== undefined && used > quota && used > before;
    if (full(usedBytes, this.#before.usedBytes, quotaBytes)) {
      throw treeError("FS_QUOTA", `the volume may hold ${quotaBytes ?? 0} bytes`);
    }
    if (full(usedInodes, this.#before.usedInodes, quotaInodes)) {
      throw treeError("FS_QUOTA", `the volume may hold ${quotaInodes ?? 0} files and folders`);
    }
  }
}

/** What a name led to, and what it leads to now. */
export interface EntryChange {
  readonly before: EntryRow | undefined;
  readonly after: EntryRow | undefined;
}

/**
 * Does something for each item, and asks for all rows that they miss at once: one after the other would be
 * as many rounds of loading (R12). While rows are missing, what goes wrong counts for nothing, since an
 * item before it may be done by half.
 * @throws {MissingRows} and what `act` throws.
 */
export function forEach<T>(items: readonly T[], act: (item: T) => void): void {
  const missing = new Set<string>();
  for (const item of items) {
    try {
      act(item);
    } catch (error) {
      if (error instanceof MissingRows) for (const key of error.keys) missing.add(key);
      else if (missing.size === 0) throw error;
    }
  }
  if (missing.size > 0) throw new MissingRows([...missing]);
}
