/**
 * A database in memory that loses what a real one may lose. It keeps what LevelDB keeps: tables
 * (durable), and write-ahead logs, each of which a power failure may shorten to any length that
 * still holds its synced batches. A rotated log that was never synced loses its end too, while
 * later logs survive: that is the case that R3 guards against.
 */

import type { Random } from "../../src/std/random.ts";
import type { KvOperation, KvRow, Page, ScanRange } from "../../src/store/ports.ts";
import { SortedRows } from "./sorted-rows.ts";

type Batch = readonly KvOperation[];

interface WriteAheadLog {
  batches: Batch[];
  /** The first so many batches are on the disk for certain. */
  syncedCount: number;
  bytes: number;
}

/** About what a row costs in a memtable beside its bytes; a little less, so that we rotate late. */
const ROW_OVERHEAD_BYTES = 24;

/** Synced batches at the end of a log that a lying disk forgets at most. */
const FORGOTTEN_MAX = 4;

/** What a crash leaves of what was not synced: a process's end loses nothing, a power failure may. */
export type CrashKind = "process" | "power";

export class FakeDatabase {
  readonly #memtableBytes: number;
  /** Read only at a start, so in no order. */
  readonly #tables = new Map<string, Uint8Array>();
  #logs: WriteAheadLog[] = [{ batches: [], syncedCount: 0, bytes: 0 }];
  #rows = new SortedRows();

  constructor(memtableBytes: number) {
    this.#memtableBytes = memtableBytes;
  }

  /** Applies a batch. @returns whether the memtable rotated, so that a flush is due. */
  apply(batch: Batch, sync: boolean): boolean {
    let log = this.#newest();
    const rotated = log.bytes > this.#memtableBytes;
    if (rotated) {
      log = { batches: [], syncedCount: 0, bytes: 0 };
      this.#logs.push(log);
    }
    if (batch.length > 0) log.batches.push(batch);
    for (const operation of batch) {
      const valueBytes = operation.kind === "put" ? operation.value.length : 0;
      log.bytes += operation.key.length + valueBytes + ROW_OVERHEAD_BYTES;
      change(this.#rows, operation);
    }
    if (sync) log.syncedCount = log.batches.length;
    return rotated;
  }

  /** A batch whose write failed is in the log all the same, and may be found after a crash. */
  land(batch: Batch): void {
    this.#newest().batches.push(batch);
  }

  /** Rotates the newest log, if it has anything. */
  rotate(): void {
    if (this.#newest().batches.length > 0)
      this.#logs.push({ batches: [], syncedCount: 0, bytes: 0 });
  }

  /** Moves the rotated logs into tables, oldest first. */
  flushRotated(): void {
    for (const log of this.#logs.splice(0, this.#logs.length - 1)) this.#toTables(log);
  }

  /** What a restart finds. Batches in `pending` were under way; any first part of them may be there. */
  crash(
    kind: CrashKind,
    options: { readonly pending: readonly Batch[]; readonly random: Random },
  ): void {
    const { pending, random } = options;
    const landed = Math.floor(random.next() * (pending.length + 1));
    for (const batch of pending.slice(0, landed)) this.#newest().batches.push(batch);
    for (const log of this.#logs) {
      if (kind === "process") break;
      const unsynced = log.batches.length - log.syncedCount;
      log.batches.length = log.syncedCount + Math.floor(random.next() * (unsynced + 1));
    }
    this.reopen();
  }

  /** As at every start, the logs that are left become tables. */
  reopen(): void {
    for (const log of this.#logs.splice(0)) this.#toTables(log);
    this.#logs = [{ batches: [], syncedCount: 0, bytes: 0 }];
    this.#rows = new SortedRows(this.#tables);
  }

  /** Write-ahead logs: the newest, and those that were rotated and are not yet in tables. */
  get logCount(): number {
    return this.#logs.length;
  }

  /** A fault for tests: batches that are not yet in tables, which a damaged log would drop. */
  get batchesInLogs(): number {
    return this.#logs.reduce((count, log) => count + log.batches.length, 0);
  }

  /** A fault for tests: forgets one of `batchesInLogs`, silently; shows after the next crash or reopening. */
  dropBatch(position: number): void {
    let left = position;
    for (const log of this.#logs) {
      if (left < log.batches.length) {
        log.batches.splice(left, 1);
        log.syncedCount -= left < log.syncedCount ? 1 : 0;
        return;
      }
      left -= log.batches.length;
    }
  }

  /** A fault for tests: changes or removes a row everywhere, silently. */
  setRow(key: string, value: Uint8Array | undefined): void {
    this.rotate();
    this.flushRotated();
    const operation: KvOperation =
      value === undefined ? { kind: "del", key } : { kind: "put", key, value };
    change(this.#tables, operation);
    change(this.#rows, operation);
  }

  /** Whether this very value is under the key now, or may be again after a crash. */
  holds(key: string, value: Uint8Array): boolean {
    return this.#tables.get(key) === value || this.#rows.get(key) === value;
  }

  /**
   * A fault for tests, right before a crash: the disk has lied, and forgets batches that were synced: the
   * newest ones, or one that is followed by others. @returns whether there were any.
   */
  forget(what: "end" | "middle", random: Random): boolean {
    if (what === "middle") {
      if (this.batchesInLogs < 2) return false;
      this.dropBatch(Math.floor(random.next() * (this.batchesInLogs - 1)));
      return true;
    }
    const log = this.#newest();
    if (log.syncedCount === 0) return false;
    log.syncedCount -= 1 + Math.floor(random.next() * Math.min(log.syncedCount, FORGOTTEN_MAX));
    log.batches.length = log.syncedCount;
    return true;
  }

  /** The live rows; a snapshot is a copy. */
  get rows(): SortedRows {
    return this.#rows;
  }

  #newest(): WriteAheadLog {
    const log = this.#logs.at(-1);
    if (log === undefined) throw new Error("a database always has a log");
    return log;
  }

  #toTables(log: WriteAheadLog): void {
    for (const batch of log.batches) for (const operation of batch) change(this.#tables, operation);
  }
}

function change(rows: SortedRows | Map<string, Uint8Array>, operation: KvOperation): void {
  if (operation.kind === "put") rows.set(operation.key, operation.value);
  else rows.delete(operation.key);
}

/** One page of `rows`, by the rules of `KvReader.scan`. */
export function pageOf(rows: SortedRows, range: ScanRange): Page {
  const found: KvRow[] = [];
  const begin = rows.position(range.gte);
  const end = rows.position(range.lt);
  let bytes = 0;
  for (let step = 0; step < end - begin; step++) {
    const key = rows.keyAt(range.reverse === true ? end - 1 - step : begin + step) ?? "";
    const value = rows.get(key) ?? new Uint8Array();
    found.push({ key, value: value.slice() });
    bytes += value.length;
    if (found.length === range.limit || bytes >= range.bytesMax) return { rows: found, more: true };
  }
  return { rows: found, more: false };
}
