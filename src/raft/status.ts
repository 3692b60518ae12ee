import { isLearner, membersOf } from "./configuration.ts";
import { type CoreState, isStorageStalled, type Role } from "./core-state.ts";
import type { ProgressState } from "./progress.ts";
import type { Configuration, ReplicaId } from "./types.ts";

/** What a leader knows of a member, for display, metrics and decisions above the core. */
export interface MemberStatus {
  readonly id: ReplicaId;
  readonly learner: boolean;
  readonly state: ProgressState;
  /** Highest index known to be on the member's disk. */
  readonly match: number;
  readonly next: number;
  /** Whether no append may be sent to it now. */
  readonly paused: boolean;
  /** Whether it was heard since the last quorum check. */
  readonly recentActive: boolean;
  /** Index of the snapshot on its way; 0 if none. */
  readonly pendingSnapshot: number;
  readonly inflightMessages: number;
  readonly inflightFull: boolean;
}

/** A look at a core; changes nothing. */
export interface RaftStatus {
  readonly id: ReplicaId;
  readonly role: Role;
  readonly term: number;
  readonly vote: ReplicaId | undefined;
  readonly leader: ReplicaId | undefined;
  /** Ticks since a leader was heard, or since the last attempt to become one; 0 for a leader. */
  readonly silentTicks: number;
  readonly configuration: Configuration;
  /** The last index that is not in the log any more. */
  readonly compactedIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly committed: number;
  /** Up to here the log is on this replica's disk. */
  readonly synced: number;
  readonly applied: number;
  /** Index of the first entry in memory. */
  readonly memoryFirstIndex: number;
  readonly memoryBytes: number;
  readonly uncommittedBytes: number;
  readonly transferee: ReplicaId | undefined;
  readonly readsPending: number;
  /** Append tasks handed out and not yet ended. */
  readonly appendTasksOpen: number;
  readonly storageStalled: boolean;
  /** Whether the replica is quiet (R7). */
  readonly quiet: boolean;
  /** By id; empty unless this replica leads. */
  readonly members: readonly MemberStatus[];
}

/** Gathers the status. Costs time by the number of members, so not for every step. */
export function statusOf(state: CoreState): RaftStatus {
  const { log } = state;
  return {
    id: state.id,
    role: state.role,
    term: state.term,
    vote: state.vote,
    leader: state.leader,
    silentTicks: state.role === "leader" ? 0 : state.electionElapsed,
    configuration: state.configuration,
    compactedIndex: log.compactedIndex,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    committed: log.committed,
    synced: log.synced,
    applied: state.apply.applied,
    memoryFirstIndex: log.memoryFirstIndex,
    memoryBytes: log.memoryBytes,
    uncommittedBytes: state.uncommittedBytes,
    transferee: state.transferee,
    readsPending: state.reads.pending,
    appendTasksOpen: log.tasksOpen,
    storageStalled: isStorageStalled(state),
    quiet: state.quiet !== undefined,
    members: state.role === "leader" ? memberStatuses(state) : [],
  };
}

function memberStatuses(state: CoreState): readonly MemberStatus[] {
  const statuses: MemberStatus[] = [];
  for (const id of membersOf(state.configuration)) {
    const progress = state.progress.get(id);
    if (progress === undefined) continue;
    statuses.push({
      id,
      learner: isLearner(state.configuration, id),
      state: progress.state,
      match: progress.match,
      next: progress.next,
      paused: progress.paused,
      recentActive: progress.recentActive,
      pendingSnapshot: progress.pendingSnapshot,
      inflightMessages: progress.inflights.count,
      inflightFull: progress.inflights.full,
    });
  }
  return statuses;
}
