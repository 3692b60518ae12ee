/** The follower's side of replication: appends, heartbeats and snapshots from a leader. */
import { membersOf } from "./configuration.ts";
import { type CoreState, send, sendAfterAppend, trackMembers } from "./core-state.ts";
import type {
  AppendMessage,
  CommitMessage,
  HeartbeatMessage,
  SnapshotMessage,
} from "./messages.ts";
import { becomeFollower } from "./roles.ts";
import type { ReplicaId, SnapshotDescription } from "./types.ts";

/** Takes a leader's entries, if they fit. */
export function onAppend(state: CoreState, message: AppendMessage): void {
  const { log } = state;
  const { previousIndex, previousTerm, entries } = message;
  if (previousIndex < log.committed) {
    // What is committed is equal everywhere, so this much fits whatever it was.
    accept(state, message.from, log.committed);
    return;
  }
  const known = log.termAt(previousIndex);
  const fits =
    state.options.bugs.skipTermCheck === true ? known !== undefined : known === previousTerm;
  if (!fits) {
    const hint = log.hintFor(previousIndex, previousTerm);
    sendAfterAppend(state, {
      kind: "append-response",
      from: state.id,
      to: message.from,
      term: state.term,
      index: previousIndex,
      rejection: { hintIndex: hint.index, hintTerm: hint.term },
    });
    return;
  }
  log.appendFromLeader(entries);
  const lastIndex = previousIndex + entries.length;
  // Beyond what this message vouches for, the log may still differ from the leader's.
  log.commitTo(Math.min(message.commit, lastIndex));
  accept(state, message.from, lastIndex);
}

/** Hears what is committed. */
export function onCommit(state: CoreState, message: CommitMessage): void {
  state.log.commitTo(message.commit);
}

/** Hears that the leader lives. */
export function onHeartbeat(state: CoreState, message: HeartbeatMessage): void {
  state.log.commitTo(message.commit);
  send(state, {
    kind: "heartbeat-response",
    from: state.id,
    to: message.from,
    term: state.term,
    round: message.round,
  });
}

/** Starts over from a snapshot, unless the log has what it stands for. */
export function onSnapshot(state: CoreState, { from, snapshot }: SnapshotMessage): void {
  const { log } = state;
  if (snapshot.index <= log.committed) {
    accept(state, from, log.committed);
    return;
  }
  if (log.termAt(snapshot.index) === snapshot.term) {
    log.commitTo(snapshot.index);
    accept(state, from, log.committed);
    return;
  }
  if (!lacksSnapshot(state, snapshot)) return;
  restore(state, snapshot);
  accept(state, from, log.lastIndex);
}

/** Whether a snapshot would bring this replica forward, and its log has not what it stands for. */
export function lacksSnapshot(state: CoreState, snapshot: SnapshotDescription): boolean {
  const { log } = state;
  return (
    snapshot.index > log.committed &&
    log.termAt(snapshot.index) !== snapshot.term &&
    // One without this replica was made before it joined: not what brings it up to date.
    membersOf(snapshot.configuration).includes(state.id)
  );
}

/**
 * Starts over from a snapshot that is here as a whole, whoever leads by now: what it stands for is
 * committed, and so remains true. @returns false when it is not needed any more.
 */
export function adoptSnapshot(state: CoreState, snapshot: SnapshotDescription): boolean {
  if (!lacksSnapshot(state, snapshot)) return false;
  // A candidacy was for another log, and a leader that lacks what is committed is one of the past.
  if (snapshot.term > state.term || state.role !== "follower")
    becomeFollower(state, { term: Math.max(state.term, snapshot.term), leader: undefined });
  restore(state, snapshot);
  // The leader may be waiting for this one, or for one of its own that is not needed now.
  if (state.leader !== undefined) accept(state, state.leader, state.log.lastIndex);
  return true;
}

function restore(state: CoreState, snapshot: SnapshotDescription): void {
  state.log.restore(snapshot);
  state.apply.skipTo(snapshot.index);
  state.applyRead = undefined;
  state.applyFetched = [];
  state.logReads = [];
  state.configuration = snapshot.configuration;
  trackMembers(state);
}

function accept(state: CoreState, to: ReplicaId, index: number): void {
  sendAfterAppend(state, {
    kind: "append-response",
    from: state.id,
    to,
    term: state.term,
    index,
    rejection: undefined,
  });
}
