/** The nouns of the consensus core: replicas, log entries, configurations, snapshots. Plain data only. */

/**
 * Identity of one member of one Raft group: a positive safe integer that comes from the group's
 * committed configuration, only rises and is never used again (R2). It is never a node's identity.
 */
export type ReplicaId = number;

/** One step of a membership change. `update` changes no role: it only carries the change's context. */
export interface ConfigStep {
  readonly type: "add-voter" | "add-learner" | "remove" | "update";
  /** Steps that name replica 0 are skipped, so that a change can be voided without another kind. */
  readonly replica: ReplicaId;
}

/**
 * A membership change as it stands in the log.
 *
 * - `auto`: a single step is made at once, several go through a joint configuration that is left by itself.
 * - `joint-implicit`: always joint, left by itself as soon as it is applied.
 * - `joint-explicit`: always joint, left only by a later change.
 *
 * A change without steps leaves the joint configuration.
 */
export interface ConfigChange {
  readonly transition: "auto" | "joint-implicit" | "joint-explicit";
  readonly changes: readonly ConfigStep[];
  /** Opaque to the core; carried for the state machine above. */
  readonly context: Uint8Array;
}

/** A proposal's payload. */
export interface NormalEntry {
  readonly kind: "normal";
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

/** What a new leader appends first, so that it can commit in its own term. */
export interface EmptyEntry {
  readonly kind: "empty";
  readonly index: number;
  readonly term: number;
}

/** A membership change. It takes effect on a replica when that replica applies it. */
export interface ConfigEntry {
  readonly kind: "config";
  readonly index: number;
  readonly term: number;
  readonly change: ConfigChange;
}

/** One position of the replicated log. Indexes start at 1 and have no gaps; terms never fall. */
export type Entry = NormalEntry | EmptyEntry | ConfigEntry;

/**
 * Charged for every entry besides its payload, wherever bytes are limited, so that a flood of empty
 * payloads is bounded too. About what the objects of one entry cost in memory.
 */
export const ENTRY_OVERHEAD_BYTES = 64;

/** Charged for each step of a membership change. */
const CONFIG_STEP_BYTES = 16;

/** What an entry counts against every byte limit of this folder. */
export function entryBytes(entry: Entry): number {
  switch (entry.kind) {
    case "normal":
      return ENTRY_OVERHEAD_BYTES + entry.data.byteLength;
    case "empty":
      return ENTRY_OVERHEAD_BYTES;
    case "config":
      return (
        ENTRY_OVERHEAD_BYTES +
        entry.change.context.byteLength +
        entry.change.changes.length * CONFIG_STEP_BYTES
      );
  }
}

/** Who votes and who only listens. Every list is sorted, without duplicates. */
export interface Configuration {
  readonly voters: readonly ReplicaId[];
  /** The voters of the configuration that is being left; empty unless joint (thesis 4.3). */
  readonly votersOutgoing: readonly ReplicaId[];
  readonly learners: readonly ReplicaId[];
  /** Voters of the outgoing half that become learners when the joint configuration is left. */
  readonly learnersNext: readonly ReplicaId[];
  /** Whether the leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

/** What must be on disk before an answer that depends on it leaves (paper, figure 2). */
export interface HardState {
  readonly term: number;
  /** Whom this replica voted for in `term`; undefined for nobody. */
  readonly vote: ReplicaId | undefined;
  /** Highest index known to be committed. It may lag behind after a restart, which costs nothing. */
  readonly commit: number;
}

/** A snapshot by what the core must know of it; the bytes travel outside. */
export interface SnapshotDescription {
  /** The last index and its term that the snapshot stands for. */
  readonly index: number;
  readonly term: number;
  /** The configuration as of `index`. */
  readonly configuration: Configuration;
  /** Opaque: tells the receiver's store where and what to fetch. */
  readonly descriptor: Uint8Array;
}

/** All entries from `firstIndex` up to the next run have `term`. */
export interface TermRun {
  readonly firstIndex: number;
  readonly term: number;
}

/**
 * Where a group's log begins: a point that its founders agree on without an entry there, together with
 * the configuration that they found it with. Whoever joins later cannot replay that, and is brought up
 * by a snapshot.
 */
export const FOUNDING_POINT = { index: 1, term: 1 } as const;

/** A configuration without anybody: what a replica has that was not yet told of one. */
export const EMPTY_CONFIGURATION: Configuration = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};
