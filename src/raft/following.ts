/** The follower's side of replication: appends, heartbeats and snapshots from a leader. */
import { membersOf } from "./configuration.ts";
import { type CoreState, send, sendAfterAppend, trackMembers } from "./core-state.ts";
import type {
  AppendMessage,
  CommitMessage,
  HeartbeatMessage,
  SnapshotMessage,
} from "./messages.ts";
import type { ReplicaId } from "./types.ts";

/** Takes a leader's entries, if they fit. */
export function onAppend(state: CoreState, message: AppendMessage): void {
  const { log } = state;
  const { previousIndex, previousTerm, entries } = message;
  if (previousIndex < log.committed) {
    // What is committed is equal everywhere, so this much fits whatever it was.
    accept(state, message.from, log.committed);
    return;
  }
  if (log.termAt(previousIndex) !== previousTerm) {
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
  // A snapshot without this replica was made before it joined: not what brings it up to date.
  if (!membersOf(snapshot.configuration).includes(state.id)) return;
  log.restore(snapshot);
  state.apply.skipTo(snapshot.index);
  state.applyRead = undefined;
  state.applyFetched = [];
  state.logReads = [];
  state.configuration = snapshot.configuration;
  trackMembers(state);
  accept(state, from, log.lastIndex);
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
