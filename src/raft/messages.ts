/**
 * What replicas of one group say to each other. `from` and `to` are replicas; `term` is the sender's
 * term, except in a pre-vote and in a granted pre-vote answer, where it is the term that would be
 * campaigned for. What promises something about the sender's disk (votes, requests for them, answers
 * to appends and pre-votes) leaves only when that disk has answered (R1); the rest leaves at once.
 */
import type { Entry, ReplicaId, SnapshotDescription } from "./types.ts";

interface Envelope {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: number;
}

/** Entries to follow (`previousIndex`, `previousTerm`); empty ones carry only the commit index. */
export interface AppendMessage extends Envelope {
  readonly kind: "append";
  readonly previousIndex: number;
  readonly previousTerm: number;
  readonly entries: readonly Entry[];
  /** The leader's commit index. */
  readonly commit: number;
}

/** Why an append did not fit, and where the receiver's log may still agree. */
export interface AppendRejection {
  /** The highest index at which the receiver's term is not above the refused `previousTerm`. */
  readonly hintIndex: number;
  /** The receiver's term at `hintIndex`; 0 when it is not known any more. */
  readonly hintTerm: number;
}

/** Answer to an append or a snapshot. */
export interface AppendResponseMessage extends Envelope {
  readonly kind: "append-response";
  /** Accepted: the logs agree up to here and it is on disk. Rejected: the `previousIndex` refused. */
  readonly index: number;
  readonly rejection: AppendRejection | undefined;
}

/** News of the commit index where no append is on its way to carry it. Not answered. */
export interface CommitMessage extends Envelope {
  readonly kind: "commit";
  /** The leader's commit index, but never above what it knows the receiver to have. */
  readonly commit: number;
}

/** The leader lives. */
export interface HeartbeatMessage extends Envelope {
  readonly kind: "heartbeat";
  /** The leader's commit index, but never above what it knows the receiver to have. */
  readonly commit: number;
  /** The newest read round of the leader (thesis 6.4); 0 when it had none. */
  readonly round: number;
}

/** Answer to a heartbeat, with its round. */
export interface HeartbeatResponseMessage extends Envelope {
  readonly kind: "heartbeat-response";
  readonly round: number;
}

/** The leader asks to be quiet with it (R7): all members have everything up to `index`, its last. */
export interface QuietMessage extends Envelope {
  readonly kind: "quiet";
  readonly index: number;
  /** Something is due at some time: without its leader the group must not stay quiet. */
  readonly due: boolean;
}

/** Answer to that: `index` again if the sender is quiet from now on, else 0. */
export interface QuietResponseMessage extends Envelope {
  readonly kind: "quiet-response";
  readonly index: number;
}

/** A candidate asks for a vote. */
export interface VoteMessage extends Envelope {
  readonly kind: "vote";
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The leader itself asked for this election: a recently heard leader is no reason to refuse. */
  readonly transfer: boolean;
}

/** Answer to a vote. */
export interface VoteResponseMessage extends Envelope {
  readonly kind: "vote-response";
  readonly granted: boolean;
}

/** Would you vote for me in `term`? Nobody's term changes by asking or answering (thesis 9.6). */
export interface PreVoteMessage extends Envelope {
  readonly kind: "pre-vote";
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/** Answer to a pre-vote: granted with the term asked for, refused with the receiver's own. */
export interface PreVoteResponseMessage extends Envelope {
  readonly kind: "pre-vote-response";
  readonly granted: boolean;
}

/** The receiver is too far behind for the leader's log; a snapshot is on its way. */
export interface SnapshotMessage extends Envelope {
  readonly kind: "snapshot";
  readonly snapshot: SnapshotDescription;
}

/** Campaign at once: leadership is being handed to the receiver (thesis 3.10). */
export interface TimeoutNowMessage extends Envelope {
  readonly kind: "timeout-now";
}

/** A follower asks for a read index. */
export interface ReadIndexMessage extends Envelope {
  readonly kind: "read-index";
  /** The asking follower's own number for its read; echoed. */
  readonly context: number;
}

/** The asked read may be served from any state that has applied `index`. */
export interface ReadIndexResponseMessage extends Envelope {
  readonly kind: "read-index-response";
  readonly context: number;
  readonly index: number;
}

/** Every message. */
export type Message =
  | AppendMessage
  | AppendResponseMessage
  | CommitMessage
  | HeartbeatMessage
  | HeartbeatResponseMessage
  | QuietMessage
  | QuietResponseMessage
  | VoteMessage
  | VoteResponseMessage
  | PreVoteMessage
  | PreVoteResponseMessage
  | SnapshotMessage
  | TimeoutNowMessage
  | ReadIndexMessage
  | ReadIndexResponseMessage;
