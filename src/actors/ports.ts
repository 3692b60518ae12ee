/**
 * What the actors need from the machine. The node fulfils these with LevelDB, libp2p and worker
 * processes; the simulator with memory, virtual time and generators. Bytes and typed values meet
 * behind these ports, in `wire`.
 */

import type { Message } from "../raft/messages.ts";
import type { Configuration, Entry, HardState, ReplicaId, TermRun } from "../raft/types.ts";
import type { Envelope } from "../scheduler/commands.ts";
import type { NodeId, RunPiece } from "../scheduler/dataset.ts";
import type { WorkflowEvent } from "../scheduler/events.ts";
import type { OutputParts, OutputState, OutputWanted } from "../scheduler/output-so-far.ts";
import type { ExecutorMessage, SchedulerMessage } from "../scheduler/protocol.ts";
import type { Answer, Row } from "../scheduler/rows.ts";
import type { SystemEnvelope } from "../scheduler/system/commands.ts";
import type { SystemRow } from "../scheduler/system/rows.ts";
import type { UNKNOWN } from "../scheduler/transaction.ts";
import type { Shortage } from "../scheduler/tree/shortage.ts";
import type { ToldError } from "../std/errors.ts";
import type { Hash64 } from "../std/hash64.ts";
import type { CodedCall } from "./coded-calls.ts";
import type {
  CapturedRows,
  CollectionReport,
  HeldRowsAnswer,
  HeldRowsCall,
} from "./collection/report.ts";

import type { GroupStatus } from "./group-view.ts";
import type { TreeCall, TreeChangesAnswer } from "./tree-calls.ts";
import type { BlocksVerified } from "./work-ports.ts";

export type {
  BlockSum,
  CollectionReport,
  HeldRowsCall,
} from "./collection/report.ts";
export type { GroupMember, GroupStatus } from "./group-view.ts";
export type { TreeNews } from "./tree-calls.ts";

/** R2: which node and which store of it a replica lives in. */
export interface ReplicaPlace {
  readonly replica: ReplicaId;
  readonly node: NodeId;
  readonly storeId: string;
}

/** The members of a group: who votes, where each one lives, and the next id to be given. */
export interface Membership {
  readonly configuration: Configuration;
  readonly places: readonly ReplicaPlace[];
  readonly nextReplica: ReplicaId;
}

/** Where a log begins again after a snapshot was installed (R5). */
export interface LogRestart {
  readonly index: number;
  readonly term: number;
  readonly membership: Membership;
}

/** What an append task of one group writes. */
export interface GroupAppend {
  readonly group: number;
  readonly hardState: HardState | undefined;
  /** Takes the place of the whole log; `entries` follow it. */
  readonly restart: LogRestart | undefined;
  readonly entries: readonly Entry[];
}

/** A replica to be made. */
export interface NewReplica {
  readonly group: number;
  /** Above every id that the group has had here (R2). */
  readonly replica: ReplicaId;
  /** Where to find the others, and who votes as far as that is known. */
  readonly bootstrap: Membership;
  /** Founders agree on where the group begins; a newcomer has nothing and gets a snapshot. */
  readonly founder: boolean;
}

/** A replica as the log database holds it. */
export interface StoredReplica {
  readonly group: number;
  readonly replica: ReplicaId;
  /** The membership that the replica was made with, until it applies a newer one. */
  readonly bootstrap: Membership;
  readonly hardState: HardState;
  /** The newest entries, up to a bound of bytes. */
  readonly tail: readonly Entry[];
  /** The last entry that is not in the log any more; (0, 0) for a log from the start. */
  readonly compacted: { readonly index: number; readonly term: number };
  readonly lastIndex: number;
  readonly terms: readonly TermRun[];
  /** Why the replica must neither vote nor lead (R4); undefined when it is sound. */
  readonly damage: string | undefined;
}

/** What a replica goes on as when the rest of its group is lost (R8). */
export interface Successor {
  readonly group: number;
  /** Above every id that the group has ever had. */
  readonly replica: ReplicaId;
  /** Where its log begins: above every index and term that the group has ever had. */
  readonly index: number;
  readonly term: number;
  readonly membership: Membership;
}

/** The Raft logs of this node. */
export interface LogPort {
  /** Replicas found when the node started. */
  replicas(): readonly StoredReplica[];
  /** Makes a replica, durably. @throws `REPLICA_ID_USED` for an id of the past. */
  createReplica(replica: NewReplica): Promise<void>;
  /**
   * Destroys the group's replica, sound or damaged, and leaves a tombstone: no replica with an id below
   * `below` is made here again.
   */
  destroyReplica(group: number, below: ReplicaId): Promise<void>;
  /**
   * Makes another replica of the group's, with the same rows and an empty log, durably. Nobody may use
   * the present one any more. A crash in the middle leaves one that takes no part, and can be repeated.
   */
  succeedReplica(successor: Successor): Promise<StoredReplica>;
  /** The highest replica id that the group has ever had here; 0 for none. */
  replicaFloor(group: number): ReplicaId;
  /** One synced batch for all groups; never called while another is under way (R1). */
  append(tasks: readonly GroupAppend[]): Promise<void>;
  /** Entries `firstIndex` to `lastIndex`, both ends included, or fewer by `bytesMax` but at least one. */
  readEntries(
    group: number,
    range: { readonly firstIndex: number; readonly lastIndex: number; readonly bytesMax: number },
  ): Promise<readonly Entry[]>;
  /** Says after each checkpoint (R3), by group, up to where the applied state is in tables: truncate no more. */
  onCheckpoint(told: (applied: ReadonlyMap<number, number>) => void): void;
  /** The lowest index above which a group's log takes at most `bytesMax` on disk. */
  tailStart(group: number, bytesMax: number): number;
  /** Forgets entries up to each group's index. */
  truncate(groups: readonly { readonly group: number; readonly index: number }[]): Promise<void>;
}

/** Which rows of a snapshot are wanted. */
export interface SnapshotRequest {
  readonly group: number;
  /** Its name, as announced. */
  readonly snapshot: string;
  /** Those above this key; undefined for all. */
  readonly after: string | undefined;
}

/** A row as the state keeps it: what its bytes mean is not asked. */
export interface RawRow {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Rows of a snapshot, in the order of their keys. */
export interface SnapshotChunk {
  readonly rows: readonly RawRow[];
  /** Whether these are the last ones. */
  readonly last: boolean;
}

/** What a snapshot stands for; what is announced to whoever lacks it. */
export interface SnapshotInfo {
  /** Names it for ever. */
  readonly snapshot: string;
  readonly index: number;
  readonly term: number;
  readonly membership: Membership;
  /** The sum of the hashes of all its rows. */
  readonly hash: Hash64;
}

/** The state of one group between two applied batches, held open. */
export interface CapturedState extends Omit<SnapshotInfo, "snapshot"> {
  /** The next rows above `after`: at least one while there are any, and about `bytesMax` at most. */
  chunk(after: string | undefined, bytesMax: number): Promise<SnapshotChunk>;
  close(): Promise<void>;
}

/** A snapshot that is being taken in beside the state that it will take the place of. */
export interface SnapshotInstall {
  readonly hash: Hash64;
  /** The last key that is here; undefined before the first. */
  readonly after: string | undefined;
  /** Rows with rising keys above `after`. */
  put(rows: readonly RawRow[]): Promise<void>;
  /** Switches over, durably (R5). Nothing of the group is written meanwhile. */
  finish(at: Omit<SnapshotInfo, "snapshot" | "hash">): Promise<void>;
  /** Leaves what is here for a later install of the same snapshot. */
  pause(): void;
  /** Gives up. */
  abandon(): Promise<void>;
}

/** Bulk bytes between nodes: they never stand before a message (R5). */
export interface SnapshotTransfer {
  /**
   * Rows of a snapshot that `from` announced, chunk by chunk, as they are taken.
   * @throws {JobxError} `SNAPSHOT_GONE` when the other has it no more; others when the stream breaks.
   */
  fetch(from: NodeId, wanted: SnapshotRequest, signal: AbortSignal): AsyncIterable<SnapshotChunk>;
  /** Answers such requests of others from now on. */
  serve(answer: (from: NodeId, wanted: SnapshotRequest) => AsyncIterable<SnapshotChunk>): void;
}

/** The applied state of one group. Reads and writes of one replica do not overlap. */
export interface StatePort<R> {
  readonly appliedIndex: number;
  readonly membership: Membership | undefined;
  /** Sum of the hashes of all rows as of every write that was called before. */
  hash(): Promise<Hash64>;
  /** What is in memory; `UNKNOWN` asks for `read`. */
  peek(key: string): R | undefined | typeof UNKNOWN;
  read(keys: readonly string[]): Promise<readonly (R | undefined)[]>;
  /** Rows with keys from `gte` up to but not including `lt`. */
  scan(range: {
    readonly gte: string;
    readonly lt: string;
    readonly limit: number;
    readonly reverse?: boolean;
  }): Promise<{ readonly rows: readonly (readonly [string, R])[]; readonly more: boolean }>;
  /**
   * All at once; need not be synced, since the log can be applied again (R3). `peek` and `read` see
   * the rows from the call on; the promise ends when they are with the database.
   */
  write(batch: {
    readonly rows: ReadonlyMap<string, R | undefined>;
    /** Keys of them under which there was nothing before, as far as that is known without a look. */
    readonly fresh: ReadonlySet<string>;
    readonly appliedIndex: number;
    readonly appliedTerm: number;
    readonly membership: Membership | undefined;
  }): Promise<void>;
}

/** Opens the applied states of this node's replicas. */
export interface StatesPort {
  /** Says at once when a row that somebody reads is not what was written (R4). The read fails as well. */
  onDamaged(told: (group: number, error: Error) => void): void;
  workflow(group: number): Promise<StatePort<Row>>;
  system(): Promise<StatePort<SystemRow>>;
  /** What a group has applied by now. The replica must be open. */
  capture(group: number): Promise<CapturedState>;
  /** The same of a workflow's group, as rows. */
  captureRows(group: number): Promise<CapturedRows>;
  /** Begins to take a snapshot in, or goes on with the same one; one per group at a time. */
  beginInstall(
    group: number,
    of: { readonly snapshot: string; readonly index: number },
  ): Promise<SnapshotInstall>;
}

/** Payloads of log entries as bytes. */
export interface PayloadPort<P> {
  encode(payload: P): Uint8Array;
  /** @throws `WIRE_VERSION_UNKNOWN`, `WIRE_MALFORMED`: the replica stops, it never skips (R10). */
  decode(bytes: Uint8Array): P;
}

/** What the leader says of its state (R10). */
export interface StateCheck {
  /** The hash of its state before its last check at `index`; undefined when there was none. */
  readonly previous: { readonly index: number; readonly hash: Hash64 } | undefined;
}

/** Payloads that are the same in all kinds of groups; those of commands are with their `Machine`. */
export interface PayloadsPort {
  /** Places that a membership change adds, carried in its context. */
  readonly places: PayloadPort<readonly ReplicaPlace[]>;
  /** Entries that are checks of the state; told from batches of commands without decoding. */
  readonly checks: PayloadPort<StateCheck> & { matches(bytes: Uint8Array): boolean };
  /** What a snapshot stands for, carried in its announcement. */
  readonly snapshots: PayloadPort<SnapshotInfo>;
}

/** How a replica stands, by its own word. */
export interface Standing {
  readonly replica: ReplicaId;
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly appliedIndex: number;
  readonly membership: Membership;
}

/** Rows wanted from a workflow's state. */
export interface ReadCall {
  readonly kind: "read";
  readonly group: number;
  readonly keys: readonly string[];
  readonly scan:
    | {
        readonly gte: string;
        readonly lt: string;
        readonly limit: number;
        readonly reverse: boolean;
      }
    | undefined;
  /** A round with a majority first, so that the answer is not older than the call. */
  readonly linear: boolean;
}

/** Asked of one node by another, and answered once. */
export type Call =
  | { readonly kind: "command"; readonly group: number; readonly envelope: Envelope }
  | TreeCall
  | { readonly kind: "system-command"; readonly envelope: SystemEnvelope }
  | ReadCall
  /** Answered at an end or a pause, or to who knows of that when it goes on; or after `waitMs`. */
  | {
      readonly kind: "wait";
      readonly group: number;
      readonly request: number;
      readonly waitMs: number;
      readonly knowsPaused: boolean;
    }
  /** What happened after a number, or from now on, at any replica; answered when there is something. */
  | {
      readonly kind: "events";
      readonly group: number;
      readonly after: number | undefined;
      readonly request: number | undefined;
      readonly limit: number;
      readonly waitMs: number;
    }
  /** "Fetch this run and sync it" (R25). */
  | { readonly kind: "copy-run"; readonly run: RunPiece }
  /** Answered by the group's leader. */
  | { readonly kind: "group-status"; readonly group: number }
  /** "How does your replica of the group stand?" Asked when its majority may be lost. */
  | { readonly kind: "standing"; readonly group: number }
  /** "Your replica has the newest log of those that are left: go on alone." An operator accepts the loss. */
  | {
      readonly kind: "recover-replica";
      readonly group: number;
      readonly replica: ReplicaId;
      /** As it said; it refuses when that has changed. */
      readonly lastIndex: number;
      /** With which numbers it goes on: above all that any survivor knows of. */
      readonly next: { readonly replica: ReplicaId; readonly term: number };
    }
  /** "Have you dialled this node?" Asked of voters before another one becomes one. */
  | { readonly kind: "can-dial"; readonly node: NodeId }
  /** "Hand the group's leadership to the replica on this node." Answered when that has begun. */
  | { readonly kind: "transfer"; readonly group: number; readonly to: NodeId }
  /** "See to it that others have all blocks that only you have": before a node is removed. */
  | { readonly kind: "hand-on-blocks" }
  /** "Which of these blocks do you have?" */
  | { readonly kind: "have-blocks"; readonly cids: readonly string[] }
  /** "Fetch these blocks from me and sync them." */
  | { readonly kind: "copy-blocks"; readonly cids: readonly string[] }
  /** The same of small blocks, which come along: nobody need fetch them. */
  | { readonly kind: "store-blocks"; readonly blocks: readonly Uint8Array[] }
  /** "Fetch these blocks from whoever of these nodes has them, and sync them; which do you have then?" */
  | {
      readonly kind: "take-blocks";
      readonly cids: readonly string[];
      readonly from: readonly NodeId[];
    }
  | CodedCall
  /** "Read those of these blocks that you have: which are not what they should be?" */
  | { readonly kind: "verify-blocks"; readonly cids: readonly string[] }
  /** The same of the next ones of its store, in order. */
  | { readonly kind: "verify-store"; readonly after: string }
  /**
   * "Which runs do the workflow's rows name?" Of one moment, not before the call where `scan` is 0, in pages:
   * `after` is that of the page before. Answered by the leader.
   */
  | {
      readonly kind: "run-references";
      readonly group: number;
      readonly scan: number;
      readonly after: string | undefined;
    }
  | HeldRowsCall
  /** "Delete what nothing refers to." Answered at the end of the round. */
  | { readonly kind: "collect"; readonly dryRun: boolean }
  /** "Which volumes that you lead have blocks with too few copies?" */
  | { readonly kind: "shortages" }
  /** "What has this attempt, which runs on you, printed so far?" Asked only while somebody looks. */
  | ({ readonly kind: "output"; readonly group: number } & OutputWanted);

export type CallAnswer =
  | { readonly kind: "answered"; readonly answer: Answer }
  /** In the order in which they were asked for; none where it was refused. */
  | { readonly kind: "told"; readonly answer: Answer; readonly rows: readonly (Row | undefined)[] }
  | {
      readonly kind: "rows";
      /** In the order of `keys`, then the scanned ones. */
      readonly values: readonly (Row | undefined)[];
      readonly scanned: readonly { readonly key: string; readonly row: Row }[];
      readonly more: boolean;
      readonly term: number;
      readonly appliedIndex: number;
    }
  | { readonly kind: "waited"; readonly news: boolean }
  /** `resync`: some events are gone; the present state, then what is after `next`. */
  | {
      readonly kind: "events";
      readonly resync: boolean;
      readonly events: readonly WorkflowEvent[];
      readonly next: number;
    }
  | TreeChangesAnswer
  | { readonly kind: "done" }
  | { readonly kind: "group"; readonly status: GroupStatus }
  /** For each block that was asked for, whether it is there. */
  | { readonly kind: "blocks"; readonly here: readonly boolean[] }
  /** What reading blocks came to. */
  | ({ readonly kind: "verified" } & BlocksVerified)
  /** `after` asks for the next page; undefined: there is none. */
  | {
      readonly kind: "run-references";
      readonly scan: number;
      readonly runs: readonly string[];
      readonly after: string | undefined;
    }
  | HeldRowsAnswer
  | { readonly kind: "collected"; readonly report: CollectionReport }
  | { readonly kind: "shortages"; readonly volumes: readonly Shortage[] }
  /** Whether the node that was asked for can be dialled from there; asked again, it may be. */
  | { readonly kind: "dialable"; readonly yes: boolean }
  /** Undefined where the node has no replica of the group that takes part. */
  | { readonly kind: "standing"; readonly standing: Standing | undefined }
  | ({ readonly kind: "output"; readonly state: OutputState } & OutputParts)
  /** Not the scheduler; `leader` if known. The call had no effect. */
  | { readonly kind: "not-scheduler"; readonly leader: NodeId | undefined }
  | ({ readonly kind: "error" } & ToldError);

/** Everything that one node sends to another on the control stream. */
export type PeerMessage =
  | {
      readonly kind: "raft";
      readonly items: readonly { readonly group: number; readonly message: Message }[];
    }
  /** The group's leader wants a replica here (R2); repeated until it answers. */
  | {
      readonly kind: "make-replica";
      readonly group: number;
      readonly replica: ReplicaId;
      readonly storeId: string;
      readonly membership: Membership;
    }
  /**
   * A replica of the sender's is damaged (R4), or was stopped, or hears of no leader and asks whether it
   * still belongs. It does not lead.
   */
  | {
      readonly kind: "replica-report";
      readonly group: number;
      /** 0 when damage has taken it. */
      readonly replica: ReplicaId;
      readonly storeId: string;
      readonly damaged: boolean;
    }
  /** By its applied membership the sender knows that the receiver's replica was removed from the group. */
  | {
      readonly kind: "replica-gone";
      readonly group: number;
      /** As it was reported or as it wrote. */
      readonly replica: ReplicaId;
      /** Of the store that was reported; empty otherwise. */
      readonly storeId: string;
      /** Every id below this one has been given; those that are not members never will be. */
      readonly below: ReplicaId;
    }
  /** The cluster version that the sender has applied (R10), said first; what its clock says (R14). */
  | { readonly kind: "cluster-version"; readonly version: number }
  | { readonly kind: "clock"; readonly wallMs: number }
  | { readonly kind: "executor"; readonly message: ExecutorMessage }
  | { readonly kind: "scheduler"; readonly message: SchedulerMessage }
  | { readonly kind: "call"; readonly id: number; readonly call: Call }
  | { readonly kind: "answer"; readonly id: number; readonly answer: CallAnswer };

/** What the mesh tells. Calls come one after the other. */
export interface MeshListener {
  message(from: NodeId, message: PeerMessage): void;
  /** A connection to a member stands; also after its process started anew. */
  peerUp(node: NodeId): void;
  /** R6: the node is taken for dead. */
  peerDown(node: NodeId): void;
}

export interface MeshPort {
  readonly self: NodeId;
  listen(listener: MeshListener): void;
  /** Best effort, in order while a connection lives. False when it certainly was not sent. */
  send(to: NodeId, message: PeerMessage): boolean;
  isUp(node: NodeId): boolean;
  /** Whether this node has dialled the other one; asked again, the answer may change to yes. */
  isDialable(node: NodeId): boolean;
  /** Who belongs to the cluster: who may connect, and whom to keep connected to. */
  setMembers(
    members: readonly { readonly node: NodeId; readonly addresses: readonly string[] }[],
  ): void;
}
