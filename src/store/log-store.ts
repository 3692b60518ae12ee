/**
 * The Raft logs of all groups of a node, in one database, so that all groups share each sync (R1).
 *
 * L1. Every batch is synced and carries the next sequence number as a key of its own; its value is
 *     the sum of the hashes of all heads and configuration records as the batch leaves them.
 * L2. Batches are written one after the other. MARK never gets ahead of them.
 * L3. After a write that failed nothing more is written: what is on disk is then unknown until the
 *     database is read again.
 * L4. Damage is reported and stays; only destroying the replica removes it (R4).
 */

import type { Entry, ReplicaId } from "../raft/types.ts";
import { entryBytes } from "../raft/types.ts";
import { assert } from "../std/assert.ts";
import {
  decodeEntries,
  encodeConfiguration,
  encodeHead,
  type GroupHead,
} from "../wire/log-record.ts";
import { closedError, damagedError, StoreError, versionError } from "./errors.ts";
import { GroupLog, type RecordPosition } from "./group-log.ts";
import { PAGE_BYTES, PAGE_ROWS, SWEEP_KEYS } from "./limits.ts";
import {
  BASE_KEY,
  configurationKey,
  entriesKey,
  entriesRange,
  type GroupId,
  headKey,
  isGroupId,
  sequenceKey,
} from "./log-keys.ts";
import type { FoundLog } from "./log-load.ts";
import type { EntriesRead, LogTask, NewReplica } from "./log-store-types.ts";
import type { KvOperation, OrderedKv } from "./ports.ts";
import { encodeBase, encodeSum, type RowSum } from "./sequence.ts";
import type { SequenceMark } from "./sequence-mark.ts";

/** Records fetched at once by `readEntries`. */
const READ_RECORDS = 64;

/** Counts for metrics, since opening. */
export interface LogStats {
  batches: number;
  entries: number;
  bytes: number;
}

export class LogStore {
  readonly #kv: OrderedKv;
  readonly #mark: SequenceMark;
  readonly #storeId: string;
  readonly #sum: RowSum;
  readonly #groups = new Map<GroupId, GroupLog>();
  readonly #damaged = new Map<GroupId, string>();
  readonly #damagedAll: string | undefined;
  readonly #stats: LogStats = { batches: 0, entries: 0, bytes: 0 };
  #sequence: number;
  #sequenceBase: number;
  /** Batches up to here are in tables. */
  #flushedSequence: number;
  #appending = false;
  /** The end of the newest batch; never rejects. */
  #tail: Promise<void> = Promise.resolve();
  #failure: StoreError | undefined;

  /** Use {@link openLogStore}. */
  constructor(
    parts: { readonly kv: OrderedKv; readonly mark: SequenceMark; readonly storeId: string },
    found: FoundLog,
  ) {
    this.#kv = parts.kv;
    this.#mark = parts.mark;
    this.#storeId = parts.storeId;
    this.#sum = found.sum;
    this.#sequence = found.lastSequence;
    this.#sequenceBase = found.base.sequenceBase;
    // Opening moved the write-ahead log into tables.
    this.#flushedSequence = found.lastSequence;
    this.#damagedAll = found.damagedAll;
    for (const [group, { state }] of found.groups)
      this.#groups.set(group, new GroupLog(group, state));
    for (const [group, reason] of found.damaged) this.#damaged.set(group, reason);
  }

  /** Counts since opening. */
  get stats(): Readonly<LogStats> {
    return this.#stats;
  }

  /** Why the group takes no part; undefined when it is sound or unknown. */
  damageOf(group: GroupId): string | undefined {
    return this.#damagedAll ?? this.#damaged.get(group);
  }

  /**
   * One synced batch for all tasks; when it returns, all of it is durable. Several tasks of a group
   * are carried out in their order. Only one call may be under way; whoever gathers tasks waits (R1).
   * Tasks of a group in which a read has found damage are left out.
   * @throws `STORE_CLOSED`, `STORE_DISK_FULL`, `STORE_IO`: the store takes no more writes.
   */
  async append(tasks: readonly LogTask[]): Promise<void> {
    assert(!this.#appending, "one append is under way at a time");
    this.#appending = true;
    try {
      await this.#commit((batch) => {
        for (const task of tasks) this.#addTask(batch, task);
      });
    } finally {
      this.#appending = false;
    }
  }

  /** Makes a replica, durable when it returns. @throws as `append`. */
  async createReplica(replica: NewReplica): Promise<void> {
    assert(isGroupId(replica.group), "a group's id can be part of a key");
    await this.#commit((batch) => {
      const before = this.#groups.get(replica.group)?.head;
      assert(this.damageOf(replica.group) === undefined, "a damaged replica is destroyed first");
      assert(before?.life !== "live", "the group has a replica here");
      assert(replica.replica > (before?.replica ?? 0), "a replica id is never used again");
      const head: GroupHead = {
        life: "live",
        replica: replica.replica,
        hardState: { term: replica.start.term, vote: undefined, commit: replica.start.index },
        start: replica.start,
        last: replica.start,
        lastWrite: 0,
        oldest: { firstIndex: replica.start.index + 1, write: 1 },
      };
      this.#groups.set(
        replica.group,
        new GroupLog(replica.group, { head, positions: [], terms: [] }),
      );
      batch.heads.add(replica.group);
      this.#setMeta(batch, configurationKey(replica.group), (key) =>
        encodeConfiguration(key, replica.configuration),
      );
    });
  }

  /**
   * Makes another replica of the one that is here, with an empty log that begins at its start (R8);
   * durable when it returns. @throws as `append`.
   */
  async succeedReplica(replica: NewReplica): Promise<void> {
    await this.#commit((batch) => {
      const log = this.#live(replica.group);
      for (const operation of log.succeed(replica.replica, replica.start)) {
        batch.operations.push(operation);
      }
      batch.heads.add(replica.group);
      this.#setMeta(batch, configurationKey(replica.group), (key) =>
        encodeConfiguration(key, replica.configuration),
      );
    });
  }

  /**
   * Leaves a tombstone and deletes the log, sound or damaged. The group need not be known: the
   * tombstone then keeps `replica` from being made here later.
   * @throws as `append`.
   */
  async destroyReplica(group: GroupId, replica: ReplicaId): Promise<void> {
    assert(isGroupId(group), "a group's id can be part of a key");
    await this.#commit((batch) => {
      const before = this.#groups.get(group)?.head;
      const start = before?.last ?? { index: 0, term: 0 };
      const head: GroupHead = {
        life: "destroyed",
        replica: Math.max(before?.replica ?? 0, replica),
        hardState: { term: 0, vote: undefined, commit: 0 },
        start,
        last: start,
        lastWrite: before?.lastWrite ?? 0,
        oldest: { firstIndex: start.index + 1, write: (before?.lastWrite ?? 0) + 1 },
      };
      this.#groups.set(group, new GroupLog(group, { head, positions: [], terms: [] }));
      batch.heads.add(group);
      this.#setMeta(batch, configurationKey(group), undefined);
    });
    await this.sweep(group);
    this.#damaged.delete(group);
  }

  /** Deletes what an interrupted destruction left. @throws as `append`. */
  async sweep(group: GroupId): Promise<void> {
    assert(this.#groups.get(group)?.head.life === "destroyed", "only a destroyed log is swept");
    const range = { ...entriesRange(group, 0), limit: SWEEP_KEYS, bytesMax: PAGE_BYTES };
    for (;;) {
      const page = await this.#kv.scan(range);
      if (page.rows.length === 0) return;
      await this.#commit((batch) => {
        for (const row of page.rows) batch.operations.push({ kind: "del", key: row.key });
      });
    }
  }

  /**
   * Forgets each group's entries up to its index. Only what a checkpoint of `state/` covers may be
   * forgotten (R3); the caller knows. An index below the start changes nothing.
   * @throws as `append`.
   */
  async truncate(
    truncations: readonly { readonly group: GroupId; readonly index: number }[],
  ): Promise<void> {
    const waiting = [...truncations];
    while (waiting.length > 0) {
      await this.#commit((batch) => {
        let room = SWEEP_KEYS;
        for (let next = waiting[0]; next !== undefined && room > 0; next = waiting[0]) {
          const log = this.#groups.get(next.group);
          if (log === undefined || log.head.life !== "live" || next.index <= log.head.start.index) {
            waiting.shift();
            continue;
          }
          const { operations, reached } = log.truncatePrefix(next.index, room);
          for (const operation of operations) batch.operations.push(operation);
          batch.heads.add(next.group);
          room -= operations.length + 1;
          if (reached === next.index) waiting.shift();
        }
      });
    }
  }

  /**
   * Moves what was written so far into tables and forgets the sequence numbers that are thereby no
   * longer needed. Appends may go on meanwhile. @throws as `append`.
   */
  async checkpoint(): Promise<void> {
    this.#assertUsable();
    const upTo = this.#sequence;
    await this.#tail;
    await this.#kv.flush();
    this.#flushedSequence = Math.max(this.#flushedSequence, upTo);
    while (this.#sequenceBase < this.#flushedSequence) {
      await this.#commit((batch) => {
        const from = this.#sequenceBase;
        const to = Math.min(this.#flushedSequence, from + SWEEP_KEYS);
        for (let sequence = from + 1; sequence <= to; sequence++)
          batch.operations.push({ kind: "del", key: sequenceKey(sequence) });
        this.#sequenceBase = to;
        const value = encodeBase(BASE_KEY, { storeId: this.#storeId, sequenceBase: to });
        batch.operations.push({ kind: "put", key: BASE_KEY, value });
      });
    }
  }

  /** The term at an index of a live group, from the compaction point to the last entry. */
  termAt(group: GroupId, index: number): number {
    return this.#live(group).termAt(index);
  }

  /** The lowest index above which the entries' records take at most `bytesMax` on disk. */
  tailStart(group: GroupId, bytesMax: number): number {
    return this.#live(group).tailStart(bytesMax);
  }

  /** The highest replica id that the group has ever had here; 0 for none. */
  replicaFloor(group: GroupId): ReplicaId {
    return this.#groups.get(group)?.head.replica ?? 0;
  }

  /**
   * Entries from `firstIndex` to at most `lastIndex`, all of which an append that has ended wrote.
   * The answer ends where `bytesMax` is reached, but holds at least one entry.
   * @throws `STORE_DAMAGED` when what is read is not what was written; `STORE_CLOSED`, `STORE_IO`.
   */
  async readEntries(
    group: GroupId,
    range: { readonly firstIndex: number; readonly lastIndex: number; readonly bytesMax: number },
  ): Promise<EntriesRead> {
    const entries: Entry[] = [];
    let bytes = 0;
    let index = range.firstIndex;
    assert(range.lastIndex >= index, "a range has at least one entry");
    while (index <= range.lastIndex) {
      const part = await this.#readRecords(group, index);
      if (part === undefined) return { kind: "compacted" };
      for (const entry of part) {
        if (entry.index > range.lastIndex) break;
        bytes += entryBytes(entry);
        if (entries.length > 0 && bytes > range.bytesMax) return { kind: "entries", entries };
        entries.push(entry);
      }
      index = (entries.at(-1)?.index ?? index) + 1;
    }
    return { kind: "entries", entries };
  }

  /** Ends after the batch under way. Harmless when repeated. */
  async close(): Promise<void> {
    this.#failure ??= closedError("the log store");
    await this.#tail;
    await this.#mark.close();
    await this.#kv.close();
  }

  /** Entries from `index` on, from a few records; undefined when they are gone. */
  async #readRecords(group: GroupId, index: number): Promise<readonly Entry[] | undefined> {
    const log = this.#live(group);
    if (index <= log.head.start.index) return undefined;
    assert(index <= log.head.last.index, "the entry is in the log");
    const positions = log.positionsFrom(index, READ_RECORDS).map((position) => ({ ...position }));
    // One record at a time would be slow for small ones, all at once would be large for big ones.
    const wanted = positions.slice(0, this.#recordsAtOnce(positions));
    const keys = wanted.map((position) => entriesKey(group, position));
    const values = await this.#kv.getMany(keys);
    const entries: Entry[] = [];
    for (const [at, position] of wanted.entries()) {
      const key = keys[at] ?? "";
      const value = values[at];
      if (value === undefined) {
        const now = this.#groups.get(group);
        if (now?.head.life !== "live" || index <= now.head.start.index) return undefined;
        throw this.#damage(group, `${key}: the record is missing`);
      }
      const decoded = decodeEntries(key, value);
      if (decoded.kind === "version-unknown") throw versionError(key, decoded.version);
      if (decoded.kind === "damaged") throw this.#damage(group, `${key}: ${decoded.reason}`);
      for (const entry of decoded.value.entries)
        if (entry.index >= index && entry.index <= position.lastIndex) entries.push(entry);
    }
    return entries;
  }

  #recordsAtOnce(positions: readonly RecordPosition[]): number {
    let entries = 0;
    let count = 0;
    for (const { firstIndex, lastIndex } of positions) {
      entries += lastIndex - firstIndex + 1;
      count++;
      if (entries >= PAGE_ROWS) break;
    }
    return count;
  }

  #damage(group: GroupId, reason: string): StoreError {
    this.#damaged.set(group, reason);
    return damagedError(`the log of ${group}`, reason);
  }

  #live(group: GroupId): GroupLog {
    const log = this.#groups.get(group);
    assert(log?.head.life === "live", "the group has a replica here");
    return log;
  }

  #addTask(batch: Batch, task: LogTask): void {
    const log = this.#live(task.group);
    // A read may have found damage since the task was handed over; who read stops the replica.
    if (this.damageOf(task.group) !== undefined) return;
    assert(log.head.replica === task.replica, "the task is of the replica that is here");
    if (task.restart !== undefined) {
      const { index, term, configuration, note } = task.restart;
      for (const operation of log.restart({ index, term })) batch.operations.push(operation);
      this.#setMeta(batch, configurationKey(task.group), (key) =>
        encodeConfiguration(key, { index, configuration, note }),
      );
    }
    if (task.hardState !== undefined) log.setHardState(task.hardState);
    if (task.entries.length > 0)
      for (const operation of log.append(task.entries)) batch.operations.push(operation);
    this.#stats.entries += task.entries.length;
    batch.heads.add(task.group);
  }

  #setMeta(batch: Batch, key: string, encode: ((key: string) => Uint8Array) | undefined): void {
    const value = encode?.(key);
    this.#sum.set(key, value);
    batch.operations.push(value === undefined ? { kind: "del", key } : { kind: "put", key, value });
  }

  /** Waits for the batch before, then writes what `build` says (L1, L2). */
  #commit(build: (batch: Batch) => void): Promise<void> {
    const run = this.#tail.then(() => this.#write(build));
    this.#tail = run.catch(() => {});
    return run;
  }

  async #write(build: (batch: Batch) => void): Promise<void> {
    this.#assertUsable();
    const batch: Batch = { operations: [], heads: new Set() };
    try {
      build(batch);
    } catch (error) {
      // The groups in memory may have changed in part, so they must not be written any more.
      this.#failure ??= new StoreError(
        { code: "STORE_CLOSED", what: "the log store" },
        "the log store stopped because of a mistake in the program",
        { cause: error },
      );
      throw error;
    }
    for (const group of batch.heads) {
      const head = this.#groups.get(group)?.head;
      assert(head !== undefined, "a group that changed is known");
      this.#setMeta(batch, headKey(group), (key) => encodeHead(key, head));
    }
    const sequence = this.#sequence + 1;
    const key = sequenceKey(sequence);
    batch.operations.push({ kind: "put", key, value: encodeSum(key, this.#sum.sum) });
    try {
      await this.#kv.write(batch.operations, { sync: true });
    } catch (error) {
      this.#failure ??= failureOf(error);
      throw error;
    }
    this.#sequence = sequence;
    this.#stats.batches += 1;
    for (const operation of batch.operations)
      if (operation.kind === "put") this.#stats.bytes += operation.value.length;
    this.#mark.advance(sequence);
  }

  #assertUsable(): void {
    this.#failure ??= this.#mark.error === undefined ? undefined : failureOf(this.#mark.error);
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#damagedAll !== undefined) throw damagedError("the log database", this.#damagedAll);
  }
}

/** What a batch will write. */
interface Batch {
  readonly operations: KvOperation[];
  /** Groups whose heads have changed; encoded once, at the end. */
  readonly heads: Set<GroupId>;
}

function failureOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const what = "the log database";
  return new StoreError({ code: "STORE_IO", what }, "a write failed", { cause: error });
}
