/**
 * All that the store asks of a machine's disk. `level-disk.ts` fulfils it with LevelDB and files;
 * the simulator replaces exactly this. Both pass `test/conformance/ordered-kv-suite.ts`.
 */

/** `log` holds the Raft logs of all groups of a node, `state` what applying them has made. */
export type DatabaseName = "log" | "state";

/**
 * A key: a string whose characters are bytes (U+0000 to U+00FF, "latin1"). Comparing two such
 * strings in JavaScript and their bytes on disk gives the same order, and strings are cheap as keys
 * of maps. Never empty.
 */
export type KvKey = string;

/** One change. A later one in a batch wins over an earlier one of the same key. */
export type KvOperation =
  | { readonly kind: "put"; readonly key: KvKey; readonly value: Uint8Array }
  | { readonly kind: "del"; readonly key: KvKey };

/** A row as it was read. The value is the reader's own; it may be a view of a larger buffer. */
export interface KvRow {
  readonly key: KvKey;
  readonly value: Uint8Array;
}

/** Which rows a page may hold: keys in [gte, lt), the lowest first or, in reverse, the highest. */
export interface ScanRange {
  readonly gte: KvKey;
  readonly lt: KvKey;
  /** Rows at most; at least 1. */
  readonly limit: number;
  /** The page ends with the row that reaches so many bytes of values; so it holds at least one. */
  readonly bytesMax: number;
  readonly reverse?: boolean;
}

/** Some rows of a range, in order. */
export interface Page {
  readonly rows: readonly KvRow[];
  /** Whether there may be more; the next page begins after the last key of this one. */
  readonly more: boolean;
}

/** Reading, from the newest state or from a snapshot. All methods may be called at any time. */
export interface KvReader {
  /** Values in the order of `keys`; undefined where there is none. @throws `STORE_CLOSED`, `STORE_IO`, `STORE_DAMAGED`. */
  getMany(keys: readonly KvKey[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** One page of a consistent view. @throws as `getMany`. */
  scan(range: ScanRange): Promise<Page>;
}

/** The rows of one moment. Must be closed; closing the database closes it too. */
export interface KvSnapshot extends KvReader {
  close(): Promise<void>;
}

/** An ordered key-value database. */
export interface OrderedKv extends KvReader {
  /**
   * Applies all operations or none, also across a crash. With `sync`, it and every write that ended
   * before it began are durable when it returns; without, a crash may lose it, and then everything
   * written after the last synced write may be lost from some point on. Values must not change
   * until it returns. Two writes that overlap in time are applied in either order.
   * @throws `STORE_CLOSED`; `STORE_DISK_FULL` or `STORE_IO`, after which whether it happened is
   * unknown until the database is reopened, and no later write may be trusted.
   */
  write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void>;
  /** The rows as of this call: all writes that have ended and none that has not begun. @throws `STORE_CLOSED`. */
  snapshot(): KvSnapshot;
  /**
   * Moves what was written before the call out of the memtable and its write-ahead log into
   * tables, which are checked and synced by themselves. Other calls may run meanwhile.
   * @throws as `write`.
   */
  flush(): Promise<void>;
  /** Ends it after what is under way; later calls fail with `STORE_CLOSED`. Harmless when repeated. */
  close(): Promise<void>;
}

/** A small file that is written in place and never synced by itself. */
export interface MarkFile {
  /** All bytes of the file: `MARK_FILE_BYTES`, unless somebody has cut it. */
  read(): Promise<Uint8Array>;
  /** Overwrites from `offset`; within one sector this is all or nothing. Not durable. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Harmless when repeated. */
  close(): Promise<void>;
}

/** One data directory. */
export interface Disk {
  /** @throws `STORE_MISSING`, `STORE_LOCKED`, `STORE_DAMAGED`, `STORE_IO`, `STORE_DISK_FULL`. */
  openKv(name: DatabaseName): Promise<OrderedKv>;
  /** Creates it, or completes a creation that was interrupted. @throws as `openKv`. */
  createKv(name: DatabaseName): Promise<OrderedKv>;
  /** Whether there is anything under that name, however incomplete. */
  hasKv(name: DatabaseName): Promise<boolean>;
  /** A whole file; undefined when there is none. @throws `STORE_IO`. */
  readSmall(name: string): Promise<Uint8Array | undefined>;
  /** Replaces a whole file: old or new after a crash, durable when it returns. @throws `STORE_IO`, `STORE_DISK_FULL`. */
  writeSmall(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * Moves all of it, whatever there is, out of the way and keeps it: afterwards the directory is as at a
   * first start. May be interrupted anywhere and repeated. @returns where it is now, for people.
   * @throws `STORE_IO`, `STORE_DISK_FULL`.
   */
  setAside(): Promise<string>;
  /** @throws `STORE_MISSING`, `STORE_IO`. */
  openMark(name: string): Promise<MarkFile>;
  /** Makes it with these `MARK_FILE_BYTES`, durably, if it does not exist. @throws `STORE_IO`, `STORE_DISK_FULL`. */
  createMark(name: string, bytes: Uint8Array): Promise<MarkFile>;
}
