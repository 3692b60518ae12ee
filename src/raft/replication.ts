/** The leader's side of replication: what is sent to whom, and when an index is committed. */
import { assert } from "../std/assert.ts";
import { type CoreState, hasCommittedInTerm, type LogReadRequest, send } from "./core-state.ts";
import type { AppendResponseMessage } from "./messages.ts";
import type { Progress } from "./progress.ts";
import { jointIndex } from "./quorum.ts";
import { type Entry, entryBytes, type ReplicaId, type SnapshotDescription } from "./types.ts";

/** A member by its id and what is known of it. */
export interface Member {
  readonly id: ReplicaId;
  readonly progress: Progress;
}

/** Sends every other member what it lacks, or at least the commit index. */
export function broadcastAppend(state: CoreState): void {
  for (const [id, progress] of state.progress) {
    if (id === state.id) continue;
    const member = { id, progress };
    // A proposal may be larger than one message; what follows the first goes along if it can.
    if (sendAppend(state, member, { evenIfEmpty: true })) sendAppends(state, member);
  }
}

/**
 * Sends one append, if the flow control and the log allow. Asks for a read from disk or for a
 * snapshot where the entries are not in memory or not in the log.
 * @returns whether an append was sent.
 */
export function sendAppend(
  state: CoreState,
  member: Member,
  options: { readonly evenIfEmpty: boolean },
): boolean {
  const { log } = state;
  const { progress } = member;
  if (progress.paused) return false;
  if (log.termAt(progress.next - 1) === undefined) {
    wantSnapshot(state, member);
    return false;
  }
  // A full pipeline still lets empty appends through: had all of it been lost, their rejection is
  // what tells.
  const throttled = progress.state === "replicate" && progress.inflights.full;
  if (throttled || progress.next > log.lastIndex) {
    if (options.evenIfEmpty) emitAppend(state, member, { entries: [], bytes: 0 });
    return options.evenIfEmpty;
  }
  const read = log.read(progress.next, state.options.messageBytesMax);
  if (read.kind === "on-disk") {
    wantEntries(state, member);
    return false;
  }
  emitAppend(state, member, read);
  return true;
}

/** Sends as much as the flow control allows, and nothing that is empty. */
export function sendAppends(state: CoreState, member: Member): void {
  // Every append with entries fills the pipeline or pauses the probe, so this ends.
  while (sendAppend(state, member, { evenIfEmpty: false }));
}

/** Commits what a majority has on disk, if it is of the present term (5.4.2); followers are told later. */
export function maybeCommit(state: CoreState): void {
  const { log, progress, configuration } = state;
  const { bugs } = state.options;
  const halves =
    bugs.jointByNewHalf === true ? { ...configuration, votersOutgoing: [] } : configuration;
  const index = jointIndex(halves, (id) =>
    bugs.countSelfBeforeWrite === true && id === state.id
      ? log.lastIndex
      : (progress.get(id)?.match ?? 0),
  );
  if (index <= log.committed || log.termAt(index) !== state.term) return;
  state.uncommittedBytes -= log.bytesBetween(log.committed + 1, index);
  log.commitTo(index);
  state.commitNews = true;
  if (hasCommittedInTerm(state)) state.reads.unpark();
}

/** A member has, or has not, taken an append or a snapshot. */
export function onAppendResponse(
  state: CoreState,
  member: Member,
  message: AppendResponseMessage,
): void {
  member.progress.recentActive = true;
  if (message.rejection === undefined) onAccepted(state, member, message.index);
  else onRejected(state, member, message);
}

function onAccepted(state: CoreState, member: Member, index: number): void {
  const { progress } = member;
  const { log } = state;
  assert(index <= log.lastIndex, `replica ${member.id} has entries that its leader lacks`);
  const news = progress.accept(index) || (progress.match === index && progress.state === "probe");
  if (!news) return;
  switch (progress.state) {
    case "probe":
      progress.becomeReplicate();
      break;
    case "snapshot":
      // It need not be the snapshot that was sent: whatever reaches the log again is enough.
      if (progress.match >= log.compactedIndex) progress.becomeReplicate();
      break;
    case "replicate":
      progress.inflights.freeUpTo(index);
      break;
  }
  maybeCommit(state);
  // What this member has may have been committed before its answer came.
  if (progress.sentCommit < Math.min(index, log.committed)) state.commitNews = true;
  sendAppends(state, member);
}

function onRejected(state: CoreState, member: Member, message: AppendResponseMessage): void {
  const { progress } = member;
  const { rejection, index } = message;
  assert(rejection !== undefined, "the append was not rejected");
  // Both sides skip whole terms at once, so a long tail that differs costs a round trip per term
  // and not per entry (5.3).
  const hintIndex =
    rejection.hintTerm > 0
      ? state.log.hintFor(rejection.hintIndex, rejection.hintTerm).index
      : rejection.hintIndex;
  if (!progress.reject({ index, hintIndex })) return;
  if (progress.state === "replicate") progress.becomeProbe();
  sendAppend(state, member, { evenIfEmpty: true });
}

/** Hands in entries that were asked for to be sent to a follower. */
export function sendEntriesRead(
  state: CoreState,
  { request, to }: { readonly request: LogReadRequest; readonly to: ReplicaId },
  entries: readonly Entry[],
): void {
  const progress = state.progress.get(to);
  // Another term, another configuration or another state of the follower: nobody waits for this.
  if (state.role !== "leader" || progress?.pendingRead !== request.number) return;
  progress.pendingRead = undefined;
  const member = { id: to, progress };
  // Nothing read means compacted meanwhile; the next heartbeat's answer finds out and goes on.
  if (entries.length === 0) return;
  // The log may have been compacted beyond them while they were on their way from the disk.
  const follows = state.log.termAt(progress.next - 1) !== undefined;
  if (follows && !progress.paused && entries[0]?.index === progress.next) {
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    emitAppend(state, member, { entries, bytes });
  }
  sendAppends(state, member);
}

/** Sends a snapshot that was asked for. @returns whether it was still wanted. */
export function sendSnapshot(
  state: CoreState,
  to: ReplicaId,
  snapshot: SnapshotDescription,
): boolean {
  const progress = state.progress.get(to);
  if (state.role !== "leader" || progress?.state !== "snapshot") return false;
  assert(snapshot.index <= state.log.committed, "a snapshot has only committed entries");
  if (snapshot.index < state.log.compactedIndex) {
    // It ends before the log begins by now and would leave the follower where it is.
    state.snapshotsWanted.push(to);
    return false;
  }
  progress.becomeSnapshot(snapshot.index);
  send(state, { kind: "snapshot", from: state.id, to, term: state.term, snapshot });
  return true;
}

function emitAppend(
  state: CoreState,
  { id, progress }: Member,
  { entries, bytes }: { readonly entries: readonly Entry[]; readonly bytes: number },
): void {
  const { log } = state;
  const previousIndex = progress.next - 1;
  const previousTerm = log.termAt(previousIndex);
  assert(previousTerm !== undefined, "the entry before an append is in the log");
  send(state, {
    kind: "append",
    from: state.id,
    to: id,
    term: state.term,
    previousIndex,
    previousTerm,
    entries,
    commit: log.committed,
  });
  const lastIndex = previousIndex + entries.length;
  progress.sent({ count: entries.length, lastIndex, bytes, commit: log.committed });
}

function wantEntries(state: CoreState, { id, progress }: Member): void {
  state.logReadNumber += 1;
  progress.pendingRead = state.logReadNumber;
  state.logReads.push({
    number: state.logReadNumber,
    purpose: { kind: "replicate", to: id },
    firstIndex: progress.next,
    lastIndex: state.log.memoryFirstIndex - 1,
    bytesMax: state.options.messageBytesMax,
  });
}

function wantSnapshot(state: CoreState, { id, progress }: Member): void {
  // A snapshot for somebody who does not answer would be made in vain.
  if (!progress.recentActive) return;
  progress.becomeSnapshot(0);
  state.snapshotsWanted.push(id);
}
