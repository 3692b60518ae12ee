/** What is written to the state store, what is read from it, and how it is opened. */
import type { Timers } from "../std/clock.ts";
import type { Hash64 } from "../std/hash64.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import type { AppliedRecord } from "../wire/state-record.ts";
import type { GroupId } from "./log-keys.ts";
import type { Disk } from "./ports.ts";

/** A row of a group's state machine. The key is latin1 and not empty. */
export interface StateRow {
  readonly key: string;
  readonly value: Uint8Array;
}

/** One applied batch of a group. A key is in it once. Values must not change afterwards. */
export interface StateChange {
  readonly puts: readonly StateRow[];
  readonly deletes: readonly string[];
  /** Keys among these under which there is no row, as the caller knows: what was there is not looked up. */
  readonly fresh?: ReadonlySet<string>;
  /** The last applied index of the batch and its term. */
  readonly index: number;
  readonly term: number;
  /** Takes the place of the note, if given; the configuration, for one. */
  readonly note?: Uint8Array | undefined;
}

/** Which rows a page holds: keys with the prefix, from `gte` on and below `lt`, which are whole keys. */
export interface StateRange {
  readonly prefix: string;
  readonly gte?: string | undefined;
  readonly lt?: string | undefined;
  readonly limit: number;
  readonly bytesMax: number;
  readonly reverse?: boolean;
}

/** Some rows of a range, in order. */
export interface StatePage {
  readonly rows: readonly StateRow[];
  /** Whether there may be more, after the last key of this page. */
  readonly more: boolean;
}

/** The state of one group between two applied batches. Must be closed. */
export interface StateCapture {
  readonly applied: AppliedRecord;
  /** @throws as `StateStore.scan`. */
  scan(range: StateRange): Promise<StatePage>;
  close(): Promise<void>;
}

/** Which snapshot is taken in. */
export interface InstallOf {
  /** Its name: a later install of the same one goes on where this one was left. */
  readonly snapshot: string;
  readonly index: number;
}

/** A snapshot that is being taken in, beside the state that it will take the place of (R5). */
export interface StateInstall {
  /** The sum of the rows so far; compare it with the sender's before finishing. */
  readonly hash: Hash64;
  /** The last row key that is here; undefined before the first. */
  readonly after: string | undefined;
  /** Adds rows with rising keys above `after`. @throws as `StateStore.write`. */
  put(rows: readonly StateRow[]): Promise<void>;
  /** Switches over, durable when it returns. The old rows wait for `StateStore.sweep`. */
  finish(applied: {
    readonly index: number;
    readonly term: number;
    readonly note: Uint8Array;
  }): Promise<void>;
  /** Leaves what is here for a later install of the same snapshot. */
  pause(): void;
  /** Gives up; the rows wait for `StateStore.sweep`. @throws as `StateStore.write`. */
  abandon(): Promise<void>;
}

/** What opening found. */
export interface StateReport {
  readonly groups: ReadonlyMap<GroupId, AppliedRecord>;
  readonly damaged: readonly { readonly group: GroupId; readonly reason: string }[];
  /** Set when nothing in the database can be trusted. */
  readonly damagedAll: string | undefined;
}

export interface StateStoreOptions {
  readonly disk: Disk;
  /** From the identity file; a database with another one is not this store's. */
  readonly storeId: string;
  /** Make the database, or complete what an interrupted start made. */
  readonly create: boolean;
  /** Bound of the row cache. */
  readonly cacheBytes: number;
  /** The disk's memtable, which writes must be synced before it rotates (T2). */
  readonly memtableBytes?: number;
  readonly timers: Timers;
  readonly bugs?: PlantedBugs;
}
