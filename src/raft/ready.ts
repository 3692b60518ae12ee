/** What a core wants done: gathered by `takeReady`, each thing said once. */
import { assert } from "../std/assert.ts";
import type { ConfigurationAt } from "./apply-queue.ts";
import { commitNewsDue, tellCommit } from "./commit-news.ts";
import { changeConfiguration } from "./configuration.ts";
import type { CoreState, LogReadRequest, ReadResult, Role } from "./core-state.ts";
import { beginReadRound } from "./heartbeats.ts";
import type { Message } from "./messages.ts";
import type { StoredToken } from "./storage-tasks.ts";
import {
  type Entry,
  entryBytes,
  type HardState,
  type ReplicaId,
  type SnapshotDescription,
} from "./types.ts";

/**
 * Something for the disk. Tasks are carried out in the order in which they were handed out; when one
 * has ended, `messagesAfter` may leave and the token goes to `RaftCore.stored`.
 */
export interface AppendTask {
  /** Present when the term or the vote changed, and along with anything else that is written. */
  readonly hardState: HardState | undefined;
  /** Takes the place of whatever the log holds from the first one's index on. */
  readonly entries: readonly Entry[];
  /**
   * Takes the place of the whole log and of the state machine's state: done only when both are
   * durable (R5). `entries` follow it.
   */
  readonly snapshot: SnapshotDescription | undefined;
  /**
   * Whether anything must be synced. If not, there is nothing to write at all: the task is done as
   * soon as the tasks before it are.
   */
  readonly sync: boolean;
  /** Answers and acknowledgements that must not leave before the task is done (R1). */
  readonly messagesAfter: readonly Message[];
  readonly token: StoredToken;
}

/** Everything that has come up since the last ready. Its parts may be worked on in any order. */
export interface Ready {
  /** They promise nothing about this replica's disk: send them at once. */
  readonly messages: readonly Message[];
  readonly append: AppendTask | undefined;
  /** Committed and on this replica's disk; apply them in order, then call `RaftCore.applied`. */
  readonly committed: readonly Entry[];
  /** The configuration after each membership change in `committed`; kept with the applied state. */
  readonly configurations: readonly ConfigurationAt[];
  /** Present when the role or the known leader changed. */
  readonly softState: { readonly role: Role; readonly leader: ReplicaId | undefined } | undefined;
  /** What became of reads that were asked for here. */
  readonly readResults: readonly ReadResult[];
  /** Entries to read from the log on disk; answer with `RaftCore.entriesRead`. */
  readonly logReads: readonly LogReadRequest[];
  /** Followers to make a snapshot for: `RaftCore.snapshotMade`, or `snapshotStatus` if it fails. */
  readonly snapshotsWanted: readonly ReplicaId[];
}

/** Whether a ready would have anything in it. */
export function hasReady(state: CoreState): boolean {
  return (
    state.outbox.length > 0 ||
    state.outboxAfterAppend.length > 0 ||
    state.log.hasUnhanded ||
    state.readResults.length > 0 ||
    state.logReads.length > 0 ||
    state.snapshotsWanted.length > 0 ||
    state.reads.gathering ||
    commitNewsDue(state) ||
    hardStateChanged(state) ||
    softStateChanged(state) ||
    state.applyFetched.length > 0 ||
    (state.applyRead === undefined && state.apply.hasNext(state.log))
  );
}

/** Hands out what has come up; from here on it counts as said. */
export function takeReady(state: CoreState): Ready {
  beginReadRound(state);
  tellCommit(state);
  const { committed, configurations } = takeCommitted(state);
  const softState = softStateChanged(state)
    ? { role: state.role, leader: state.leader }
    : undefined;
  const append = takeAppend(state);
  const ready: Ready = {
    messages: state.outbox,
    append,
    committed,
    configurations,
    softState,
    readResults: state.readResults,
    logReads: state.logReads,
    snapshotsWanted: state.snapshotsWanted,
  };
  state.outbox = [];
  state.readResults = [];
  state.logReads = [];
  state.snapshotsWanted = [];
  state.said = { term: state.term, vote: state.vote, role: state.role, leader: state.leader };
  return ready;
}

/** Hands in entries that applying waits for. */
export function applyEntriesRead(
  state: CoreState,
  request: LogReadRequest,
  entries: readonly Entry[],
): void {
  // A snapshot may have made them unnecessary meanwhile.
  if (state.applyRead?.number !== request.number) return;
  assert(entries[0]?.index === request.firstIndex, "committed entries are missing from the disk");
  state.applyFetched = entries;
}

function takeAppend(state: CoreState): AppendTask | undefined {
  const changed = hardStateChanged(state);
  const sync = changed || state.log.hasUnhanded;
  if (!sync && state.outboxAfterAppend.length === 0) return undefined;
  const { entries, snapshot, token } = state.log.handToStorage(state.term);
  const messagesAfter = state.outboxAfterAppend;
  state.outboxAfterAppend = [];
  // The commit index alone is not worth a write: it is learned again from any leader.
  const hardState = sync
    ? { term: state.term, vote: state.vote, commit: state.log.committed }
    : undefined;
  return { hardState, entries, snapshot, sync, messagesAfter, token };
}

function takeCommitted(state: CoreState): {
  readonly committed: readonly Entry[];
  readonly configurations: readonly ConfigurationAt[];
} {
  const entries = nextCommitted(state);
  const configurations: ConfigurationAt[] = [];
  let bytes = 0;
  for (const entry of entries) {
    bytes += entryBytes(entry);
    if (entry.kind !== "config") continue;
    const before =
      configurations.at(-1)?.configuration ??
      state.apply.pendingConfiguration ??
      state.configuration;
    const outcome = changeConfiguration(before, entry.change);
    // The leader made the very same step from the very same configuration before it proposed.
    assert(outcome.kind === "changed", "a membership change was committed that cannot be made");
    configurations.push({ index: entry.index, configuration: outcome.configuration });
  }
  if (entries.length > 0) {
    state.apply.handOut(entries, bytes);
    state.log.noteHandedToApply(state.apply.handed);
  }
  for (const at of configurations) state.apply.expect(at);
  return { committed: entries, configurations };
}

function nextCommitted(state: CoreState): readonly Entry[] {
  if (state.applyFetched.length > 0) {
    const fetched = state.applyFetched;
    state.applyFetched = [];
    state.applyRead = undefined;
    return fetched;
  }
  if (state.applyRead !== undefined) return [];
  const next = state.apply.next(state.log);
  switch (next.kind) {
    case "none":
      return [];
    case "entries":
      return next.entries;
    case "on-disk":
      state.logReadNumber += 1;
      state.applyRead = {
        number: state.logReadNumber,
        purpose: { kind: "apply" },
        firstIndex: next.firstIndex,
        lastIndex: next.lastIndex,
        bytesMax: state.apply.room,
      };
      state.logReads.push(state.applyRead);
      return [];
  }
}

function hardStateChanged(state: CoreState): boolean {
  return state.term !== state.said.term || state.vote !== state.said.vote;
}

function softStateChanged(state: CoreState): boolean {
  return state.role !== state.said.role || state.leader !== state.said.leader;
}
