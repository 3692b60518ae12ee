/**
 * The state of one core, shared by the files of this folder that each hold one part of the
 * algorithm. Nothing outside this folder sees it; `RaftCore` owns it.
 */
import { ApplyQueue } from "./apply-queue.ts";
import { isVoter, membersOf } from "./configuration.ts";
import { RaftLog, type RestoredLog } from "./log.ts";
import type { Message } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import { Progress } from "./progress.ts";
import { ReadRounds } from "./read-rounds.ts";
import type { Configuration, Entry, HardState, ReplicaId } from "./types.ts";

/** A group that is quiet (R7). */
export interface Quiet {
  /** Something is due at some time, so the group needs a leader though nobody calls. */
  readonly due: boolean;
}

/** What a replica is in its term. */
export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

/** What a replica starts from. */
export interface RestoredState extends RestoredLog {
  readonly hardState: HardState;
  /** As of `appliedIndex`. */
  readonly configuration: Configuration;
  /** The state machine has everything up to here; the log's compaction point at least. */
  readonly appliedIndex: number;
}

/** A read from the log on disk that the core waits for. */
export interface LogReadRequest {
  /** Names the request in its answer. */
  readonly number: number;
  /** For a follower's next append, or for applying. */
  readonly purpose:
    | { readonly kind: "replicate"; readonly to: ReplicaId }
    | { readonly kind: "apply" };
  /** The entries wanted, both ends included; fewer may be answered. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The answer may stop at so many bytes, but has at least one entry. */
  readonly bytesMax: number;
}

/** Everything a core knows. */
export interface CoreState {
  readonly options: RaftOptions;
  readonly id: ReplicaId;
  readonly log: RaftLog;
  readonly apply: ApplyQueue;
  readonly reads: ReadRounds;
  term: number;
  vote: ReplicaId | undefined;
  role: Role;
  leader: ReplicaId | undefined;
  configuration: Configuration;
  /** What the leader knows of each member, itself included; also kept by followers, unused. */
  progress: Map<ReplicaId, Progress>;
  /** Answers of the election under way. */
  votes: Map<ReplicaId, boolean>;
  /** Ticks since the election timer was last set back; for a leader, since it checked its quorum. */
  electionElapsed: number;
  heartbeatElapsed: number;
  /** The election timeout drawn for this term, in ticks. */
  electionTimeout: number;
  /** The leader's node is known to be gone (R6), and no other leader has been heard of since. */
  leaderGone: boolean;
  /** While so: ticks until the campaign; undefined when the usual election timeout is waited for. */
  leaderGoneCountdown: number | undefined;
  /** Rounds of pre-votes since then that may still follow each other quickly. */
  leaderGoneTries: number;
  /** Ticks that somebody who stands is given to win; doubled by every candidacy of this replica. */
  candidacyTicks: number;
  /** Ticks since an append task ended, while one is under way. */
  storageElapsed: number;
  /** To whom leadership is being handed. */
  transferee: ReplicaId | undefined;
  /** A membership change may be proposed only when everything up to here is applied. */
  pendingConfigIndex: number;
  /** Some follower may lack news of the leader's commit index. */
  commitNews: boolean;
  /** Set while this replica is not to be ticked (R7). */
  quiet: Quiet | undefined;
  /** What the leader has asked its members to be. */
  quietAsked: Quiet | undefined;
  /** A leader's ticks in which nothing happened, and where its log ended in the last of them. */
  idleTicks: number;
  idleIndex: number;
  /** Bytes of the leader's entries that are not committed. */
  uncommittedBytes: number;
  /** Messages that promise nothing about this replica's disk. */
  outbox: Message[];
  /** Messages that leave when what the next ready writes is on disk. */
  outboxAfterAppend: Message[];
  /** Reads from disk to ask for in the next ready. */
  logReads: LogReadRequest[];
  /** The last number given to a read from disk. */
  logReadNumber: number;
  /** The read that applying waits for. */
  applyRead: LogReadRequest | undefined;
  /** What that read brought, until it is handed out. */
  applyFetched: readonly Entry[];
  /** Followers that need a snapshot, to ask for in the next ready. */
  snapshotsWanted: ReplicaId[];
  /** Fates of reads, for the next ready. */
  readResults: ReadResult[];
  /** What the last ready said, so that the next says only what has changed. */
  said: Said;
}

/** What a read asked for at this replica came to. */
export type ReadResult =
  /** Any state that has applied `index` may serve it. */
  | { readonly kind: "confirmed"; readonly context: number; readonly index: number }
  /** This replica lost its leadership meanwhile; the read may be asked for again. */
  | { readonly kind: "lost"; readonly context: number };

/** The parts of the state that a ready carries only when they have changed. */
export interface Said {
  readonly term: number;
  readonly vote: ReplicaId | undefined;
  readonly role: Role;
  readonly leader: ReplicaId | undefined;
}

/** Builds the state that a replica starts with: a follower that knows no leader. */
export function createState(options: RaftOptions, restored: RestoredState): CoreState {
  const committed = Math.max(restored.hardState.commit, restored.appliedIndex);
  const state: CoreState = {
    options,
    id: options.id,
    log: new RaftLog(restored, { committed, tailBytesMax: options.tailBytesMax }),
    apply: new ApplyQueue({
      applied: restored.appliedIndex,
      bytesMax: options.committedBytesMax,
    }),
    reads: new ReadRounds(options.readsPendingMax),
    term: restored.hardState.term,
    vote: restored.hardState.vote,
    role: "follower",
    leader: undefined,
    configuration: restored.configuration,
    progress: new Map(),
    votes: new Map(),
    electionElapsed: 0,
    heartbeatElapsed: 0,
    electionTimeout: drawElectionTimeout(options),
    leaderGone: false,
    leaderGoneCountdown: undefined,
    leaderGoneTries: 0,
    candidacyTicks: 0,
    storageElapsed: 0,
    transferee: undefined,
    pendingConfigIndex: 0,
    commitNews: false,
    quiet: undefined,
    quietAsked: undefined,
    idleTicks: 0,
    idleIndex: 0,
    uncommittedBytes: 0,
    outbox: [],
    outboxAfterAppend: [],
    logReads: [],
    logReadNumber: 0,
    applyRead: undefined,
    applyFetched: [],
    snapshotsWanted: [],
    readResults: [],
    said: {
      term: restored.hardState.term,
      vote: restored.hardState.vote,
      role: "follower",
      leader: undefined,
    },
  };
  trackMembers(state);
  state.log.noteHandedToApply(restored.appliedIndex);
  return state;
}

/** Gives every member of the configuration a progress and forgets those who left. */
export function trackMembers(state: CoreState): void {
  const before = state.progress;
  state.progress = new Map();
  for (const member of membersOf(state.configuration)) {
    const known = before.get(member);
    state.progress.set(member, known ?? newProgress(state, Math.max(state.log.lastIndex, 1)));
    // A newcomer counts as active, else the next quorum check might depose a leader over it.
    const added = known === undefined ? state.progress.get(member) : undefined;
    if (added !== undefined) added.recentActive = true;
  }
}

/** A progress that would send `next` first. */
export function newProgress(state: CoreState, next: number): Progress {
  return new Progress({
    next,
    messagesMax: state.options.inflightMessagesMax,
    bytesMax: state.options.inflightBytesMax,
  });
}

/** Whether this replica may stand for election at all. */
export function isPromotable(state: CoreState): boolean {
  return isVoter(state.configuration, state.id) && !state.log.installing;
}

/** Whether this replica's disk has ended nothing for too long (R1). */
export function isStorageStalled(state: CoreState): boolean {
  return state.log.tasksOpen > 0 && state.storageElapsed >= state.options.storageStallTicks;
}

/** Whether the leader has committed in its own term, before which its commit index may be old (6.4). */
export function hasCommittedInTerm(state: CoreState): boolean {
  return state.log.termAt(state.log.committed) === state.term;
}

/** An election timeout in [electionTicks, 2 * electionTicks), so that candidates rarely meet (5.2). */
export function drawElectionTimeout(options: RaftOptions): number {
  return options.electionTicks + Math.floor(options.random.next() * options.electionTicks);
}

/** Sends at once. */
export function send(state: CoreState, message: Message): void {
  state.outbox.push(message);
}

/** Sends when what this replica now holds in memory is on its disk. */
export function sendAfterAppend(state: CoreState, message: Message): void {
  state.outboxAfterAppend.push(message);
}
