/**
 * Carries writes to the `state/` database: many small ones in one batch, batches one after the
 * other, each with its sequence number, synced where that must be (T1, T2 of state-store.ts).
 * Nobody waits for a lazy write, so it waits for others: each batch costs a hand-over between threads.
 */
import { assert } from "../std/assert.ts";
import type { Timer, Timers } from "../std/clock.ts";
import { sealRecord } from "../wire/record-bytes.ts";
import { closedError, StoreError } from "./errors.ts";
import { SWEEP_KEYS } from "./limits.ts";
import { BASE_KEY, sequenceKey } from "./log-keys.ts";
import type { KvOperation, OrderedKv } from "./ports.ts";
import { encodeBase, encodeSum, type RowSum } from "./sequence.ts";

/** What a row costs in LevelDB's memtable beside its bytes: node, lengths, sequence; seldom more. */
const MEMTABLE_ROW_BYTES = 56;

/** The memtable's blocks are up to a quarter empty. */
const MEMTABLE_WASTE = 4 / 3;

/** T2: far below the memtable's size, because what we count is an estimate. */
const SYNC_FROM_RATIO = 1 / 2;

/** A flush is due here, so that it can end before syncs begin. */
const FLUSH_FROM_RATIO = 1 / 4;

/** Waiting writes are taken into a batch until it has so many operations. */
const BATCH_OPERATIONS = 8192;

/** Format of a row's record. */
export const ROW_VERSION = 1;

/**
 * How long a lazy write waits for others: several entries of a busy group come in it, and a crash loses
 * no more than is applied again from the log in an instant.
 */
const GATHER_MS = 10;

/** So many lazy writes do not wait any longer. */
const GATHER_WRITES_MAX = 128;

/** Rows as they are on disk, by key; undefined for one that does not exist. */
export type RowsOnDisk = ReadonlyMap<string, Uint8Array | undefined>;

/** A write that waits for its turn. */
export interface StateWrite {
  /** Keys whose rows on disk `build` must know. */
  readonly keys?: readonly string[];
  /** Whether it must be durable when it ends. */
  readonly sync?: boolean;
  /** Whether it may wait for others. */
  readonly lazy?: boolean;
  /** Adds the operations, when everything before has been written or is in the same batch. */
  readonly build: (batch: KvOperation[], rows: RowsOnDisk) => void;
  /** Called when the batch has been written, between it and the next one. */
  readonly between?: () => void;
}

interface Waiting {
  readonly write: StateWrite;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class StateWriter {
  readonly #kv: OrderedKv;
  readonly #storeId: string;
  readonly #sum: RowSum;
  readonly #memtableBytes: number;
  readonly #timers: Timers;
  #queue: Waiting[] = [];
  #pump: Promise<void> | undefined;
  /** While lazy writes wait: lets them go on. */
  #hurry: (() => void) | undefined;
  #sequence: number;
  #sequenceBase: number;
  /** At least what is in the memtable. */
  #writtenBytes = 0;
  #flushing = false;
  #failure: StoreError | undefined;
  #syncedBatches = 0;

  constructor(
    parts: {
      readonly kv: OrderedKv;
      readonly storeId: string;
      readonly sum: RowSum;
      readonly memtableBytes: number;
      readonly timers: Timers;
    },
    found: { readonly lastSequence: number; readonly sequenceBase: number },
  ) {
    this.#kv = parts.kv;
    this.#storeId = parts.storeId;
    this.#sum = parts.sum;
    this.#memtableBytes = parts.memtableBytes;
    this.#timers = parts.timers;
    this.#sequence = found.lastSequence;
    this.#sequenceBase = found.sequenceBase;
  }

  /** Whether enough has gathered in the memtable for a flush. */
  get flushDue(): boolean {
    return this.#writtenBytes >= this.#memtableBytes * FLUSH_FROM_RATIO;
  }

  /** Batches since opening that were synced; for metrics and tests. */
  get syncedBatches(): number {
    return this.#syncedBatches;
  }

  /** Nothing is written any more; later calls, and those that wait, fail with `error`. */
  fail(error: StoreError): void {
    this.#failure ??= error;
  }

  /** @throws what ended the store, if something has. */
  assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Takes part in one of the next batches.
   * @throws `STORE_CLOSED`, `STORE_DISK_FULL`, `STORE_IO`, `STORE_DAMAGED`: nothing more is written.
   */
  enqueue(write: StateWrite): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, resolve, reject });
      if (write.lazy !== true || this.#queue.length >= GATHER_WRITES_MAX) this.#hurry?.();
      this.#pump ??= this.#run();
    });
  }

  /** Ends when every write that was called before has ended, well or not. */
  async settled(): Promise<void> {
    if (this.#queue.length === 0 && this.#pump === undefined) return;
    await this.enqueue({ build: () => {} }).catch(() => {});
  }

  /**
   * Moves everything up to a synced batch, which `build` fills, into tables, and forgets the
   * sequence numbers up to it. Writes go on meanwhile, synced. Only one call at a time.
   */
  async flush(build: (batch: KvOperation[]) => void): Promise<void> {
    assert(!this.#flushing, "one flush is under way at a time");
    let upTo = 0;
    await this.enqueue({
      sync: true,
      build: (batch) => build(batch),
      between: () => {
        // From here on writes may fall into either memtable: T2 holds only if they are synced.
        this.#flushing = true;
        this.#writtenBytes = 0;
        upTo = this.#sequence;
      },
    });
    try {
      await this.#kv.flush();
    } catch (error) {
      this.fail(failureOf(error));
      throw error;
    } finally {
      this.#flushing = false;
    }
    while (this.#sequenceBase < upTo)
      await this.enqueue({ build: (batch) => this.#prune(batch, upTo) });
  }

  /** Ends after what has been called so far. */
  async close(): Promise<void> {
    await this.settled();
    this.fail(closedError("the state store"));
    await this.#kv.close();
  }

  #prune(batch: KvOperation[], upTo: number): void {
    const to = Math.min(upTo, this.#sequenceBase + SWEEP_KEYS);
    for (let sequence = this.#sequenceBase + 1; sequence <= to; sequence++)
      batch.push({ kind: "del", key: sequenceKey(sequence) });
    this.#sequenceBase = Math.max(to, this.#sequenceBase);
    const base = { storeId: this.#storeId, sequenceBase: this.#sequenceBase };
    batch.push({ kind: "put", key: BASE_KEY, value: encodeBase(BASE_KEY, base) });
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#gather();
      const taken: Waiting[] = [];
      try {
        this.assertUsable();
        await this.#writeBatch(taken);
        for (const waiting of taken) waiting.resolve();
      } catch (error) {
        this.fail(failureOf(error));
        for (const waiting of [...taken, ...this.#queue.splice(0)]) waiting.reject(error);
      }
    }
    this.#pump = undefined;
  }

  /** Ends when what waits should be written: with the turn, or after a while if all of it is lazy. */
  async #gather(): Promise<void> {
    if (
      this.#queue.length >= GATHER_WRITES_MAX ||
      this.#queue.some(({ write }) => write.lazy !== true)
    ) {
      await Promise.resolve();
      return;
    }
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#hurry = resolve;
      timer = this.#timers.after(GATHER_MS, resolve);
    });
    timer?.cancel();
    this.#hurry = undefined;
  }

  /** Takes writes from the queue into `taken` and carries them out. */
  async #writeBatch(taken: Waiting[]): Promise<void> {
    const candidates = this.#queue.slice(0, BATCH_OPERATIONS);
    const keys = new Set<string>();
    for (const { write } of candidates) for (const key of write.keys ?? []) keys.add(key);
    const rows = await this.#fetch([...keys]);
    const batch: KvOperation[] = [];
    let sync = this.#flushing;
    for (const waiting of candidates) {
      this.#queue.shift();
      taken.push(waiting);
      waiting.write.build(batch, rows);
      sync ||= waiting.write.sync === true;
      // What has a part between two batches ends its own; a full batch ends too.
      if (waiting.write.between !== undefined || batch.length >= BATCH_OPERATIONS) break;
    }
    if (batch.length > 0 || sync) await this.#write(batch, sync);
    taken.at(-1)?.write.between?.();
  }

  async #fetch(keys: readonly string[]): Promise<RowsOnDisk> {
    if (keys.length === 0) return new Map();
    const values = await this.#kv.getMany(keys);
    return new Map(keys.map((key, at) => [key, values[at]]));
  }

  async #write(batch: KvOperation[], syncAsked: boolean): Promise<void> {
    const sequence = this.#sequence + 1;
    const key = sequenceKey(sequence);
    batch.push({ kind: "put", key, value: encodeSum(key, this.#sum.sum) });
    for (const operation of batch) {
      const valueBytes = operation.kind === "put" ? operation.value.length : 0;
      this.#writtenBytes +=
        (operation.key.length + valueBytes + MEMTABLE_ROW_BYTES) * MEMTABLE_WASTE;
    }
    const sync = syncAsked || this.#writtenBytes >= this.#memtableBytes * SYNC_FROM_RATIO;
    await this.#kv.write(batch, { sync });
    this.#sequence = sequence;
    if (sync) this.#syncedBatches += 1;
  }
}

/** The operation that writes a row. */
export function putRow(key: string, content: Uint8Array): KvOperation {
  return { kind: "put", key, value: sealRecord(key, { version: ROW_VERSION, content }) };
}

function failureOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError(
    { code: "STORE_CLOSED", what: "the state store" },
    "the state store stopped because of a mistake in the program",
    { cause: error },
  );
}
