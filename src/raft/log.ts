import { assert } from "../std/assert.ts";
import { EntryWindow } from "./entry-window.ts";
import { StorageTasks, type StoredTasks, type StoredToken } from "./storage-tasks.ts";
import { TermRuns } from "./term-runs.ts";
import type { Entry, SnapshotDescription, TermRun } from "./types.ts";

/** Entries that are still to be applied are kept in memory up to so many times the tail's limit. */
const APPLY_LAG_FACTOR = 2;

/** What a replica finds on its disk; see `RestoredState` for the rest of it. */
export interface RestoredLog {
  /** The last index that is not in the log any more, and its term; (0, 0) for a log from the start. */
  readonly compacted: { readonly index: number; readonly term: number };
  /** The last index of the log on disk; the compaction point's when it is empty. */
  readonly lastIndex: number;
  /**
   * The runs of equal terms above the compaction point, as `RaftLog.terms` gave them or as a scan of
   * the log finds them. What lies before the first run has the compaction point's term. They may
   * stop where `entries` begin.
   */
  readonly terms: readonly TermRun[];
  /** The newest entries, without gaps, ending at `lastIndex`. May be none. */
  readonly entries: readonly Entry[];
}

/** Entries that go to one follower, or why they cannot. */
export type LogRead =
  | { readonly kind: "entries"; readonly entries: readonly Entry[]; readonly bytes: number }
  /** They are in the log on disk, not in memory. */
  | { readonly kind: "on-disk" };

/**
 * The log as this replica sees it: which terms, what is committed, how far it is on disk (`synced`),
 * how far it has been given to the disk (`handed`), and the newest entries themselves.
 *
 * L1: compacted <= synced <= handed <= last.  L2: compacted <= committed <= last.
 * L3: nothing at or below `committed` is ever cut.  L4: what is above min(synced, committed) is in memory.
 */
export class RaftLog {
  readonly #tasks = new StorageTasks();
  readonly #window: EntryWindow;
  readonly #tailBytesMax: number;
  #terms: TermRuns;
  #committed: number;
  #synced: number;
  #handed: number;
  #snapshot: SnapshotDescription | undefined = undefined;
  #snapshotHanded = false;
  /** Up to here entries have been handed out to be applied. */
  #handedToApply = 0;
  /** Indexes of membership changes above `committed` at most since the last `pruneConfigs`. */
  #configs: number[] = [];
  /** Below this, whether there are membership changes is not known: they were never in memory. */
  #configsKnownFrom: number;

  constructor(
    restored: RestoredLog,
    options: { readonly committed: number; readonly tailBytesMax: number },
  ) {
    const { compacted, entries, lastIndex } = restored;
    this.#terms = new TermRuns(compacted);
    for (const run of restored.terms) this.#terms.extend(run.firstIndex, run.term);
    const firstIndex = entries[0]?.index ?? lastIndex + 1;
    assert(firstIndex > compacted.index, "the log on disk holds entries that were compacted");
    assert(
      firstIndex <= options.committed + 1,
      "entries that may not be committed must be in memory (L4)",
    );
    this.#window = new EntryWindow(firstIndex);
    this.#tailBytesMax = options.tailBytesMax;
    this.#configsKnownFrom = firstIndex;
    const knownUpTo = restored.terms.at(-1)?.firstIndex ?? compacted.index;
    for (const entry of entries) {
      if (entry.index > knownUpTo) this.#terms.extend(entry.index, entry.term);
      else assert(this.#terms.termAt(entry.index) === entry.term, "terms differ from the entries");
      this.#push(entry);
    }
    assert(this.#window.lastIndex === lastIndex, "the log on disk ends elsewhere than it says");
    assert(
      options.committed >= compacted.index && options.committed <= lastIndex,
      `committed index ${options.committed} is outside the log: acknowledged entries were lost`,
    );
    this.#committed = options.committed;
    this.#synced = lastIndex;
    this.#handed = lastIndex;
    this.#evict();
  }

  /** The last index that is not in the log any more. */
  get compactedIndex(): number {
    return this.#terms.firstIndex;
  }

  get lastIndex(): number {
    return this.#window.lastIndex;
  }

  get lastTerm(): number {
    return this.#terms.lastTerm;
  }

  get committed(): number {
    return this.#committed;
  }

  /** Up to here the log as it is now is on this replica's disk. */
  get synced(): number {
    return this.#synced;
  }

  /** Index of the first entry in memory. */
  get memoryFirstIndex(): number {
    return this.#window.firstIndex;
  }

  get memoryBytes(): number {
    return this.#window.bytes;
  }

  /** The terms above the compaction point. */
  get terms(): readonly TermRun[] {
    return this.#terms.above;
  }

  /** Append tasks under way. */
  get tasksOpen(): number {
    return this.#tasks.count;
  }

  /** Whether a snapshot has been taken over that is not installed on disk yet. */
  get installing(): boolean {
    return this.#snapshot !== undefined;
  }

  /** The term of `index`; undefined outside the log. The compaction point's is known. */
  termAt(index: number): number | undefined {
    if (index < this.compactedIndex || index > this.lastIndex) return undefined;
    return this.#terms.termAt(index);
  }

  /** Whether a log that ends with (`index`, `term`) has everything this one has (paper 5.4.1). */
  isCoveredBy(index: number, term: number): boolean {
    return term > this.lastTerm || (term === this.lastTerm && index >= this.lastIndex);
  }

  /**
   * The highest index at or below `index` whose term is at most `term`: where two logs may still
   * agree, if the other has (`index`, `term`). With its own term; 0 if that is not known any more.
   */
  hintFor(index: number, term: number): { readonly index: number; readonly term: number } {
    const start = Math.min(index, this.lastIndex);
    if (start < this.compactedIndex) return { index: start, term: 0 };
    const hint = this.#terms.highestWithTermAtMost(start, term);
    return { index: hint, term: this.#terms.termAt(hint) };
  }

  /** Adds the leader's own new entry. */
  appendOwn(entry: Entry): void {
    this.#terms.extend(entry.index, entry.term);
    this.#push(entry);
    this.#evict();
  }

  /**
   * Adds a leader's entries, of which the first follows an index that agrees. Entries that are
   * there already are left alone; from the first that differs the log is cut (paper 5.3).
   */
  appendFromLeader(entries: readonly Entry[]): void {
    let position = 0;
    for (const entry of entries) {
      if (this.termAt(entry.index) !== entry.term) break;
      position += 1;
    }
    const first = entries[position];
    if (first === undefined) return;
    if (first.index <= this.lastIndex) this.#truncateFrom(first.index);
    for (let i = position; i < entries.length; i += 1) {
      const entry = entries[i];
      if (entry !== undefined) this.appendOwn(entry);
    }
  }

  /** Moves the commit index up; a lower one says nothing. @returns whether it moved. */
  commitTo(index: number): boolean {
    if (index <= this.#committed) return false;
    assert(
      index <= this.lastIndex,
      `index ${index} was committed but the log ends at ${this.lastIndex}: it lost entries`,
    );
    this.#committed = index;
    this.#evict();
    return true;
  }

  /** Entries up to `index` have been handed out to be applied: they may leave memory first. */
  noteHandedToApply(index: number): void {
    this.#handedToApply = index;
    this.#evict();
  }

  /** Entries from `first`, counting at most `bytesMax` but at least one. `first` is in the log. */
  read(first: number, bytesMax: number, limitIndex: number = this.lastIndex): LogRead {
    if (first < this.memoryFirstIndex) return { kind: "on-disk" };
    const { lastIndex, bytes } = this.#window.lastWithin(first, { limitIndex, bytesMax });
    return { kind: "entries", entries: this.#window.slice(first, lastIndex), bytes };
  }

  /** What entries count that are all in memory. */
  bytesBetween(first: number, last: number): number {
    if (first > last) return 0;
    return this.#window.lastWithin(first, { limitIndex: last, bytesMax: Number.POSITIVE_INFINITY })
      .bytes;
  }

  /** Whether a membership change is committed that this replica may not have applied yet. */
  hasUnappliedConfig(applied: number): boolean {
    if (applied + 1 < this.#configsKnownFrom && this.#committed > applied) return true;
    return this.#configs.some((index) => index > applied && index <= this.#committed);
  }

  /** Membership changes at or below `applied` need not be remembered any more. */
  forgetConfigs(applied: number): void {
    while (this.#configs.length > 0 && (this.#configs[0] ?? 0) <= applied) this.#configs.shift();
  }

  /** Replaces everything by a snapshot. It is installed when its append task ends. */
  restore(snapshot: SnapshotDescription): void {
    assert(snapshot.index > this.#committed, "a snapshot would undo committed entries");
    this.#terms = new TermRuns(snapshot);
    this.#window.reset(snapshot.index + 1);
    this.#tasks.cut(0);
    this.#configs = [];
    this.#configsKnownFrom = snapshot.index + 1;
    this.#committed = snapshot.index;
    this.#handed = snapshot.index;
    // Nothing of the new log is on disk until the snapshot is.
    this.#synced = snapshot.index;
    this.#snapshot = snapshot;
    this.#snapshotHanded = false;
  }

  /** Forgets entries up to `index`, which is applied; its term stays known. */
  compact(index: number): void {
    if (index <= this.compactedIndex) return;
    assert(index <= this.#committed && index <= this.#synced, "only old entries can be compacted");
    this.#window.dropWhile(index, () => true);
    this.#terms.compact(index);
  }

  /** Whether there is anything for the disk: entries or a snapshot. */
  get hasUnhanded(): boolean {
    return this.#handed < this.lastIndex || (this.#snapshot !== undefined && !this.#snapshotHanded);
  }

  /** Hands out what the disk has not been given yet, as an append task. */
  handToStorage(hardTerm: number): {
    readonly entries: readonly Entry[];
    readonly snapshot: SnapshotDescription | undefined;
    readonly token: StoredToken;
  } {
    const entries =
      this.#handed < this.lastIndex ? this.#window.slice(this.#handed + 1, this.lastIndex) : [];
    const snapshot = this.#snapshotHanded ? undefined : this.#snapshot;
    this.#handed = this.lastIndex;
    this.#snapshotHanded = this.#snapshot !== undefined;
    const number = this.#tasks.open({
      index: this.lastIndex,
      hardTerm,
      snapshotIndex: snapshot?.index,
    });
    return { entries, snapshot, token: { number, index: this.lastIndex, term: this.lastTerm } };
  }

  /** Takes the end of an append task into account; undefined if it had been reported before. */
  stored(token: StoredToken): StoredTasks | undefined {
    const tasks = this.#tasks.close(token.number);
    if (tasks === undefined) return undefined;
    if (this.#snapshot !== undefined && tasks.snapshotIndex === this.#snapshot.index) {
      this.#snapshot = undefined;
      this.#snapshotHanded = false;
    }
    this.#synced = Math.max(this.#synced, tasks.syncedIndex);
    this.#evict();
    return tasks;
  }

  #push(entry: Entry): void {
    this.#window.push(entry);
    if (entry.kind === "config") this.#configs.push(entry.index);
  }

  #truncateFrom(index: number): void {
    assert(
      index > this.#committed,
      `entry ${index} conflicts with a committed one (committed ${this.#committed})`,
    );
    this.#window.truncateFrom(index);
    this.#terms.truncateFrom(index);
    this.#tasks.cut(index - 1);
    this.#handed = Math.min(this.#handed, index - 1);
    this.#synced = Math.min(this.#synced, index - 1);
    while ((this.#configs.at(-1) ?? 0) >= index) this.#configs.pop();
  }

  /** Keeps the tail within its limits, but never drops what is not both committed and on disk (L4). */
  #evict(): void {
    const tail = this.#tailBytesMax;
    if (this.#window.bytes <= tail) return;
    const settled = Math.min(this.#synced, this.#committed);
    this.#window.dropWhile(Math.min(settled, this.#handedToApply), (bytes) => bytes > tail);
    // What is about to be applied is worth keeping, but a state machine that lags far behind reads
    // from disk rather than filling the memory.
    this.#window.dropWhile(settled, (bytes) => bytes > tail * APPLY_LAG_FACTOR);
  }
}
