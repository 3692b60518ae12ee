/** What is written to the log store, what is found in it, and how it is opened. */
import type { Entry, HardState, ReplicaId, TermRun } from "../raft/types.ts";
import type { ConfigurationRecord } from "../wire/log-record.ts";
import type { GroupId } from "./log-keys.ts";
import type { Disk } from "./ports.ts";

/** A batch that begins a log again, after a snapshot was installed (R5). */
export interface LogRestart {
  readonly index: number;
  readonly term: number;
  readonly configuration: ConfigurationRecord["configuration"];
  /** See {@link ConfigurationRecord}. */
  readonly note: Uint8Array;
}

/** What one group wants on disk. Parts that are absent stay as they are. */
export interface LogTask {
  readonly group: GroupId;
  readonly replica: ReplicaId;
  readonly hardState?: HardState | undefined;
  /** Takes the place of the whole log; `entries` follow it. */
  readonly restart?: LogRestart | undefined;
  /** Take the place of whatever the log holds from the first one's index on. */
  readonly entries: readonly Entry[];
}

/** A replica to be made on this node. */
export interface NewReplica {
  readonly group: GroupId;
  /** Above every replica id that this node has ever had in the group (R2). */
  readonly replica: ReplicaId;
  readonly configuration: ConfigurationRecord;
  /** Where the log begins; (0, 0) for a group that begins itself. */
  readonly start: { readonly index: number; readonly term: number };
}

/** A group as it was found at opening; what raft is restored from. */
export interface LoadedGroup {
  readonly group: GroupId;
  readonly replica: ReplicaId;
  readonly hardState: HardState;
  readonly compacted: { readonly index: number; readonly term: number };
  readonly lastIndex: number;
  readonly terms: readonly TermRun[];
  readonly entries: readonly Entry[];
  /** The newest that was written here: at creation or restart, not at every change. */
  readonly configuration: ConfigurationRecord | undefined;
}

/** What opening found. */
export interface LogReport {
  readonly groups: readonly LoadedGroup[];
  /** Groups that this node had and lost on purpose, with the highest replica id it had. */
  readonly destroyed: readonly { readonly group: GroupId; readonly replica: ReplicaId }[];
  /** Replicas that must neither vote nor lead, with the reason (R4). */
  readonly damaged: readonly { readonly group: GroupId; readonly reason: string }[];
  /** Set when nothing in the database can be trusted; then every group is in `damaged` too. */
  readonly damagedAll: string | undefined;
}

/** Entries read back, or that they are gone because the log was truncated or restarted meanwhile. */
export type EntriesRead =
  | { readonly kind: "entries"; readonly entries: readonly Entry[] }
  | { readonly kind: "compacted" };

export interface LogStoreOptions {
  readonly disk: Disk;
  /** From the identity file; a database with another one is not this store's. */
  readonly storeId: string;
  /** Make the database, or complete what an interrupted start made. */
  readonly create: boolean;
  /** Bytes of entries per group that `LoadedGroup.entries` may hold. */
  readonly tailBytesMax: number;
}
