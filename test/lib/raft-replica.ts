/**
 * One Raft replica with a disk and a state machine that are plain arrays, so that tests decide when a
 * write ends, when a message arrives and when power fails.
 */
import type { LogReadRequest, ReadResult } from "../../src/raft/core-state.ts";
import type { Message } from "../../src/raft/messages.ts";
import type { RaftOptions } from "../../src/raft/options.ts";
import { RaftCore } from "../../src/raft/raft-core.ts";
import type { AppendTask, Ready } from "../../src/raft/ready.ts";
import {
  type Configuration,
  EMPTY_CONFIGURATION,
  type Entry,
  entryBytes,
  type HardState,
  type ReplicaId,
  type SnapshotDescription,
  type TermRun,
} from "../../src/raft/types.ts";
import { assert } from "../../src/std/assert.ts";

/** The log half of a disk: what survives a crash. */
export class TestLog {
  compacted = { index: 0, term: 0 };
  entries: Entry[] = [];

  get lastIndex(): number {
    return this.compacted.index + this.entries.length;
  }

  at(index: number): Entry | undefined {
    return this.entries[index - this.compacted.index - 1];
  }

  termAt(index: number): number | undefined {
    return index === this.compacted.index ? this.compacted.term : this.at(index)?.term;
  }

  /** Takes the place of whatever is there from the first entry on. */
  write(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index > this.compacted.index, "a compacted entry is written");
    assert(first.index <= this.lastIndex + 1, "the log on disk would have a gap");
    this.entries.length = first.index - this.compacted.index - 1;
    this.entries.push(...entries);
  }

  compact(index: number): void {
    const term = this.termAt(index);
    if (index <= this.compacted.index || term === undefined) return;
    this.entries = this.entries.slice(index - this.compacted.index);
    this.compacted = { index, term };
  }

  restart(at: { readonly index: number; readonly term: number }): void {
    this.compacted = { index: at.index, term: at.term };
    this.entries = [];
  }

  get terms(): TermRun[] {
    const runs: TermRun[] = [];
    for (const entry of this.entries)
      if (entry.term !== (runs.at(-1)?.term ?? this.compacted.term))
        runs.push({ firstIndex: entry.index, term: entry.term });
    return runs;
  }

  copy(): TestLog {
    const copy = new TestLog();
    copy.compacted = this.compacted;
    copy.entries = [...this.entries];
    return copy;
  }
}

/** What a state machine has: every entry that was applied, and the configuration it led to. */
export interface TestState {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
  readonly entries: readonly Entry[];
}

/** Snapshots by their descriptor, as if fetched from wherever it points. */
export class SnapshotShelf {
  readonly #states: TestState[] = [];

  put(state: TestState): SnapshotDescription {
    this.#states.push(state);
    const { index, term, configuration } = state;
    return { index, term, configuration, descriptor: bytesOf(String(this.#states.length - 1)) };
  }

  get({ descriptor }: SnapshotDescription): TestState {
    const state = this.#states[Number(textOf(descriptor))];
    assert(state !== undefined, "a snapshot is fetched that was never made");
    return state;
  }
}

/** Called as things happen, for checkers that watch from outside. */
export interface ReplicaWatch {
  appended?(replica: TestReplica, entries: readonly Entry[]): void;
  applied?(replica: TestReplica, entry: Entry): void;
  read?(replica: TestReplica, result: ReadResult): void;
}

/** A replica under test. */
export class TestReplica {
  readonly id: ReplicaId;
  readonly options: RaftOptions;
  readonly shelf: SnapshotShelf;
  readonly watch: ReplicaWatch;
  readonly send: (message: Message) => void;
  core: RaftCore;
  /** Durable: the log, the hard state, the state machine. */
  disk = new TestLog();
  hardState: HardState = { term: 0, vote: undefined, commit: 0 };
  state: TestState = { index: 0, term: 0, configuration: EMPTY_CONFIGURATION, entries: [] };
  /** The log as it will be when all tasks have ended. */
  log = new TestLog();
  /** Append tasks under way, oldest first. */
  tasks: AppendTask[] = [];
  /** Committed batches that are not applied yet, oldest first. */
  batches: Ready[] = [];
  /** Reads from disk that are not answered yet. */
  logReads: LogReadRequest[] = [];
  readResults: ReadResult[] = [];
  /** How many bytes of the log a restart brings into memory. */
  restoreTailBytes = Number.POSITIVE_INFINITY;

  constructor(given: {
    readonly options: RaftOptions;
    readonly shelf: SnapshotShelf;
    readonly start: TestState;
    readonly send: (message: Message) => void;
    readonly watch?: ReplicaWatch;
    /** The term of the first hard state, where it is not that of the start. */
    readonly firstTerm?: number;
  }) {
    this.options = given.options;
    this.id = given.options.id;
    this.shelf = given.shelf;
    this.send = given.send;
    this.watch = given.watch ?? {};
    this.state = given.start;
    this.disk.restart(given.start);
    this.log = this.disk.copy();
    const term = given.firstTerm ?? given.start.term;
    this.hardState = { term, vote: undefined, commit: given.start.index };
    this.core = this.#open();
  }

  /** Takes a ready: sends, queues the task and the batch, notes reads. Does nothing if there is none. */
  pump(): Ready | undefined {
    if (!this.core.hasReady()) return undefined;
    const ready = this.core.ready();
    for (const message of ready.messages) this.send(message);
    if (ready.append !== undefined) this.#queue(ready.append);
    if (ready.committed.length > 0) this.batches.push(ready);
    for (const result of ready.readResults) {
      this.readResults.push(result);
      this.watch.read?.(this, result);
    }
    this.logReads.push(...ready.logReads);
    for (const to of ready.snapshotsWanted) this.core.snapshotMade(to, this.shelf.put(this.state));
    return ready;
  }

  /** The oldest append task reaches the disk, and all hear of it. */
  write(): void {
    const task = this.writeSilently();
    if (task === undefined) return;
    for (const message of task.messagesAfter) this.send(message);
    this.core.stored(task.token);
  }

  /** The oldest append task reaches the disk, and nobody hears of it. @returns it, if there was one. */
  writeSilently(): AppendTask | undefined {
    const task = this.tasks.shift();
    if (task !== undefined) this.#persist(task);
    return task;
  }

  /** Applies the oldest committed batch and says so. */
  apply(): void {
    const index = this.applySilently();
    if (index !== undefined) this.core.applied(index);
  }

  /** Applies the oldest committed batch. @returns its last index, if there was one. */
  applySilently(): number | undefined {
    const batch = this.batches.shift();
    const last = batch?.committed.at(-1);
    if (batch === undefined || last === undefined) return undefined;
    // A snapshot may have overtaken it.
    if (last.index > this.state.index) {
      for (const entry of batch.committed) this.watch.applied?.(this, entry);
      this.state = {
        index: last.index,
        term: last.term,
        configuration: batch.configurations.at(-1)?.configuration ?? this.state.configuration,
        entries: [...this.state.entries, ...batch.committed],
      };
    }
    return last.index;
  }

  /** Answers the oldest read from disk. */
  readLog(): void {
    const request = this.logReads.shift();
    if (request === undefined) return;
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index = request.firstIndex; index <= request.lastIndex; index += 1) {
      const entry = this.disk.at(index);
      if (entry === undefined) break;
      bytes += entryBytes(entry);
      if (entries.length > 0 && bytes > request.bytesMax) break;
      entries.push(entry);
    }
    this.core.entriesRead(request, entries);
  }

  /** Does everything there is to do, the disk included, until nothing comes any more. */
  settle(): void {
    for (;;) {
      this.pump();
      if (this.tasks.length > 0) this.write();
      else if (this.batches.length > 0) this.apply();
      else if (this.logReads.length > 0) this.readLog();
      else if (!this.core.hasReady()) return;
    }
  }

  /** Power fails: of the tasks under way only the first `survivors` reached the disk. */
  restart(survivors: number): void {
    for (const task of this.tasks.slice(0, survivors)) this.#persist(task);
    this.tasks = [];
    this.batches = [];
    this.logReads = [];
    this.log = this.disk.copy();
    this.core = this.#open();
  }

  /** Forgets the log up to `index`, on disk and in memory. */
  compact(index: number): void {
    this.core.compact(index);
    this.disk.compact(index);
    this.log.compact(index);
  }

  #queue(task: AppendTask): void {
    this.tasks.push(task);
    if (task.snapshot !== undefined) this.log.restart(task.snapshot);
    this.watch.appended?.(this, task.entries);
    this.log.write(task.entries);
  }

  #persist(task: AppendTask): void {
    if (task.hardState !== undefined) this.hardState = task.hardState;
    if (task.snapshot !== undefined) {
      this.state = this.shelf.get(task.snapshot);
      this.disk.restart(task.snapshot);
    }
    this.disk.write(task.entries);
  }

  #open(): RaftCore {
    const { disk, hardState, state } = this;
    const committed = Math.max(hardState.commit, state.index);
    // What may not be committed has to be in memory; of the rest, as much as is asked for.
    let firstIndex = committed + 1;
    let bytes = 0;
    while (firstIndex - 1 > disk.compacted.index) {
      const entry = disk.at(firstIndex - 1);
      assert(entry !== undefined, "an entry is missing from the disk");
      bytes += entryBytes(entry);
      if (bytes > this.restoreTailBytes) break;
      firstIndex -= 1;
    }
    return new RaftCore(this.options, {
      hardState,
      configuration: state.configuration,
      appliedIndex: state.index,
      compacted: disk.compacted,
      lastIndex: disk.lastIndex,
      terms: disk.terms,
      entries: disk.entries.slice(firstIndex - disk.compacted.index - 1),
    });
  }
}

/** Text as a payload. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A payload as text. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
