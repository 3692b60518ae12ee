/**
 * What applying the logs of a node's groups has made, in one database for all groups (R3, R5, R12).
 *
 * T1. A batch holds a change's rows, the applied index and the state hash that go with it, and the
 *     next sequence number. Batches are written one after the other, in the order of the calls.
 * T2. Batches are not synced, but every batch that may be in a memtable that LevelDB may rotate is:
 *     a rotated write-ahead log is closed without a sync, and would lose its end while later
 *     batches survive. So we count an upper bound of what is in the memtable, and sync from half
 *     of its size on, and while a flush is under way.
 * T3. A checkpoint is one synced batch with all applied indexes, then a flush. Only what it
 *     returned may be truncated from the log.
 * T4. Reading sees every write that was called before it, on disk or not.
 * T5. The state hash is the sum of the hashes of (row key, value). Neither group nor generation
 *     is part of it, so replicas and snapshots can be compared.
 */
import { assert } from "../std/assert.ts";
import type { Timers } from "../std/clock.ts";
import { addHash64, HASH64_ZERO, type Hash64, hash64, subtractHash64 } from "../std/hash64.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import { openRecord, RECORD_HEADER_BYTES } from "../wire/record-bytes.ts";
import { type AppliedRecord, encodeApplied } from "../wire/state-record.ts";
import { damagedError, versionError } from "./errors.ts";
import { type GroupId, isGroupId } from "./log-keys.ts";
import type { KvOperation, KvReader, OrderedKv } from "./ports.ts";
import { type CachedRow, hashOf } from "./row-cache.ts";
import { RowView } from "./row-view.ts";
import type { RowSum } from "./sequence.ts";
import { StateCheckpoint } from "./state-checkpoint.ts";
import { StateInstalls } from "./state-install.ts";
import { appliedKey, installKey, parseRowKey, rowPrefix, rowsRange } from "./state-keys.ts";
import type { FoundState } from "./state-load.ts";
import type {
  InstallOf,
  StateCapture,
  StateChange,
  StateInstall,
  StatePage,
  StateRange,
} from "./state-store-types.ts";
import { StateSweep } from "./state-sweep.ts";
import { putRow, ROW_VERSION, StateWriter } from "./state-writer.ts";

interface Group {
  readonly generation: number;
  readonly prefix: string;
  /** As of the newest call of `write`, which may not have been written yet. */
  called: { index: number; term: number };
  /** As of the newest batch. */
  written: AppliedRecord;
}

export class StateStore {
  readonly #kv: OrderedKv;
  readonly #sum: RowSum;
  readonly #groups = new Map<GroupId, Group>();
  readonly #view: RowView;
  readonly #writer: StateWriter;
  readonly #damaged = new Map<GroupId, string>();
  readonly #installs: StateInstalls;
  readonly #sweep: StateSweep;
  /** Generations that were used since opening: cached rows of them must not come back to life. */
  readonly #dropped = new Map<GroupId, number>();
  readonly #checkpointed: StateCheckpoint;
  readonly #bugs: PlantedBugs;
  #checkpointing: Promise<ReadonlyMap<GroupId, number>> | undefined;
  #onDamaged: ((group: GroupId, error: Error) => void) | undefined;

  /** Use `openStateStore`. */
  constructor(
    parts: {
      readonly kv: OrderedKv;
      readonly storeId: string;
      readonly cacheBytes: number;
      readonly memtableBytes: number;
      readonly timers: Timers;
      readonly bugs: PlantedBugs;
    },
    found: FoundState,
  ) {
    const { kv, storeId, cacheBytes, memtableBytes, timers } = parts;
    this.#kv = kv;
    this.#bugs = parts.bugs;
    this.#sum = found.sum;
    this.#view = new RowView(cacheBytes, (keys) => this.#fetchRows(keys));
    this.#writer = new StateWriter(
      { kv, storeId, sum: found.sum, memtableBytes, timers },
      { lastSequence: found.lastSequence, sequenceBase: found.base.sequenceBase },
    );
    const kept = this.#keptGenerations.bind(this);
    this.#sweep = new StateSweep({ kv, writer: this.#writer, kept });
    const switchOver = this.#switchOver.bind(this);
    this.#installs = new StateInstalls({ writer: this.#writer, switchOver }, found.installs);
    this.#checkpointed = new StateCheckpoint(found.checkpoint);
    for (const [group, applied] of found.groups) this.#groups.set(group, groupOf(group, applied));
    for (const [group, reason] of found.damaged) this.#damaged.set(group, reason);
    if (found.damagedAll !== undefined)
      this.#writer.fail(damagedError("the state database", found.damagedAll));
  }

  /** Whether enough has gathered for a checkpoint; from twice as much on every batch is synced. */
  get checkpointDue(): boolean {
    return this.#writer.flushDue;
  }

  /** Batches since opening that were synced; for metrics. */
  get syncedBatches(): number {
    return this.#writer.syncedBatches;
  }

  /** Every group that has state here. */
  get groups(): readonly GroupId[] {
    return [...this.#groups.keys()];
  }

  /** Why the group takes no part; undefined when it is sound or unknown. */
  damageOf(group: GroupId): string | undefined {
    return this.#damaged.get(group);
  }

  /** Says at once when a row of a group's present state turns out not to be what was written (R4). */
  onDamaged(told: (group: GroupId, error: Error) => void): void {
    this.#onDamaged = told;
  }

  /** The last index that `write` was called with; undefined for a group without state. */
  appliedIndex(group: GroupId): number | undefined {
    return this.#groups.get(group)?.called.index;
  }

  /** What the newest batch that has been written says; undefined for a group without state. */
  applied(group: GroupId): AppliedRecord | undefined {
    return this.#groups.get(group)?.written;
  }

  /** Begins a group's state without rows, as of `start`. @throws as `write`. */
  async createGroup(
    group: GroupId,
    start: { readonly index: number; readonly term: number; readonly note: Uint8Array },
  ): Promise<void> {
    assert(isGroupId(group), "a group's id can be part of a key");
    assert(!this.#groups.has(group), "the group has no state yet");
    await this.sweep(group);
    const generation = this.#nextGeneration(group);
    const begin = start.index;
    const made = groupOf(group, { ...start, begin, generation, hash: HASH64_ZERO });
    this.#groups.set(group, made);
    await this.#writer.enqueue({ build: (batch) => this.#putApplied(batch, group, made) });
  }

  /**
   * Writes an applied batch. Readers see it at once; it is durable after a later checkpoint, or
   * comes again from the log.
   * @returns the state hash as of this batch.
   * @throws `STORE_CLOSED`, `STORE_DISK_FULL`, `STORE_IO`: nothing more is written; `STORE_DAMAGED`: nothing
   * more of this group, since what the batch comes on top of is not what was written.
   */
  async write(group: GroupId, change: StateChange): Promise<Hash64> {
    const at = this.#group(group);
    const { index, term } = change;
    assert(index > at.called.index, "applied indexes only rise");
    assert(term >= at.called.term, "applied terms do not fall");
    at.called = { index, term };
    const { operations, unknownKeys, delta } = this.#take(at, change);
    let hash = HASH64_ZERO;
    let failure: Error | undefined;
    try {
      await this.#writer.enqueue({
        keys: unknownKeys,
        lazy: true,
        build: (batch, rows) => {
          try {
            this.#assertSound(group);
            hash = addHash64(at.written.hash, delta);
            for (const key of unknownKeys)
              hash = subtractHash64(
                hash,
                this.#hashOnDisk({ group, prefix: at.prefix, key }, rows.get(key)),
              );
          } catch (error) {
            // The batch is also that of other groups, which are sound.
            failure = error instanceof Error ? error : new Error(String(error));
            return;
          }
          const note = change.note ?? at.written.note;
          const { generation, begin } = at.written;
          at.written = { generation, index, term, begin, hash, note };
          for (const operation of operations) batch.push(operation);
          this.#putApplied(batch, group, at);
        },
      });
    } finally {
      for (const operation of operations) this.#view.release(operation.key);
    }
    if (failure !== undefined) throw failure;
    return hash;
  }

  /** Values in the order of the keys, if all are known without waiting; the hot path of applying. */
  peekMany(
    group: GroupId,
    keys: readonly string[],
  ): readonly (Uint8Array | undefined)[] | undefined {
    this.#writer.assertUsable();
    const { prefix } = this.#group(group);
    const values: (Uint8Array | undefined)[] = [];
    for (const key of keys) {
      const row = this.#view.known(prefix + key);
      if (row === undefined) return undefined;
      values.push(row.value);
    }
    return values;
  }

  /** Values in the order of the keys. @throws `STORE_DAMAGED` when one is not what was written; `STORE_CLOSED`, `STORE_IO`. */
  async getMany(
    group: GroupId,
    keys: readonly string[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    this.#writer.assertUsable();
    const { prefix } = this.#group(group);
    return this.#view.getMany(keys.map((key) => prefix + key));
  }

  /** A page of rows as of all writes called before. @throws as `getMany`. */
  async scan(group: GroupId, range: StateRange): Promise<StatePage> {
    await this.#writer.settled();
    this.#writer.assertUsable();
    return this.#scan(this.#kv, { group, generation: this.#group(group).generation }, range);
  }

  /** The hash of a group's rows as of all writes called before. @throws as `getMany`. */
  async hash(group: GroupId): Promise<Hash64> {
    await this.#writer.settled();
    this.#writer.assertUsable();
    return this.#group(group).written.hash;
  }

  /** The state as of all writes called before; later ones do not show. @throws as `getMany`. */
  async capture(group: GroupId): Promise<StateCapture> {
    const captured = await new Promise<{
      applied: AppliedRecord;
      reader: ReturnType<OrderedKv["snapshot"]>;
    }>((resolve, reject) => {
      const between = (): void => {
        resolve({ applied: this.#group(group).written, reader: this.#kv.snapshot() });
      };
      this.#writer.enqueue({ build: () => {}, between }).catch(reject);
    });
    const { applied, reader } = captured;
    return {
      applied,
      scan: (range) => this.#scan(reader, { group, generation: applied.generation }, range),
      close: () => reader.close(),
    };
  }

  /**
   * Makes everything that was called before durable, in tables. Writes go on meanwhile.
   * @returns per group the index up to which the log may now be truncated (T3).
   * @throws as `write`.
   */
  checkpoint(): Promise<ReadonlyMap<GroupId, number>> {
    this.#checkpointing ??= this.#checkpoint().finally(() => {
      this.#checkpointing = undefined;
    });
    return this.#checkpointing;
  }

  /**
   * Begins to take in a snapshot under a new generation, or goes on with it; one per group at a time.
   * @throws as `write`.
   */
  async beginInstall(group: GroupId, of: InstallOf): Promise<StateInstall> {
    assert(!this.#installs.isActive(group), "one install per group at a time");
    const generation = this.#nextGeneration(group);
    if (!this.#installs.canResume(group, of)) {
      await this.#installs.drop(group);
      await this.sweep(group);
    }
    return this.#installs.begin(group, of, generation);
  }

  /**
   * The same rows, as of another place in another log: durable when it returns. The log is begun there
   * next, also after a crash, as after an install. @throws as `write`.
   */
  async begin(
    group: GroupId,
    at: { readonly index: number; readonly term: number; readonly note: Uint8Array },
  ): Promise<void> {
    const found = this.#group(group);
    const { index, term } = at;
    assert(index > found.called.index && term >= found.called.term, "a beginning is ahead");
    found.called = { index, term };
    await this.#writer.enqueue({
      sync: true,
      build: (batch) => {
        found.written = { ...found.written, ...at, begin: index };
        this.#putApplied(batch, group, found);
      },
    });
  }

  /** Removes a group's state, durably. Call `sweep` afterwards. @throws as `write`. */
  async dropGroup(group: GroupId): Promise<void> {
    this.#dropped.set(group, this.#nextGeneration(group));
    this.#groups.delete(group);
    await this.#installs.drop(group);
    const key = appliedKey(group);
    await this.#writer.enqueue({
      // Durable: what comes after it in the log must not meet this state again after a crash.
      sync: true,
      build: (batch) => {
        this.#sum.set(key, undefined);
        batch.push({ kind: "del", key });
        const checkpoint = this.#checkpointed.drop(group);
        if (checkpoint !== undefined) batch.push(checkpoint);
      },
    });
    this.#damaged.delete(group);
  }

  /**
   * Deletes rows of a group that are neither of its present generation nor of one that is being taken
   * in, in slices. Harmless to repeat.
   * @throws as `write`.
   */
  sweep(group: GroupId): Promise<void> {
    return this.#sweep.group(group);
  }

  /** Sweeps every group that has rows, known or not; after opening, in the background. @throws as `write`. */
  async sweepAll(): Promise<void> {
    for (const { group, index } of this.#installs.left()) {
      // What the group has applied by other means nobody offers again.
      const applied = this.appliedIndex(group);
      if (!this.#installs.isActive(group) && (applied === undefined || applied >= index))
        await this.#installs.drop(group);
    }
    await this.#sweep.all();
  }

  /** Ends after what has been called so far, a checkpoint too. Harmless when repeated. */
  async close(): Promise<void> {
    // Whoever called the checkpoint hears how it ended.
    await this.#checkpointing?.catch(() => {});
    await this.#writer.close();
  }

  #nextGeneration(group: GroupId): number {
    const present = this.#groups.get(group)?.generation ?? this.#dropped.get(group) ?? 0;
    return Math.max(present, this.#installs.generation(group) ?? 0) + 1;
  }

  #keptGenerations(group: GroupId): readonly number[] {
    return [this.#groups.get(group)?.generation, this.#installs.generation(group)]
      .filter((generation) => generation !== undefined)
      .sort((a, b) => a - b);
  }

  /** One synced batch makes a generation that was taken in the present one (R5). */
  async #switchOver(group: GroupId, applied: AppliedRecord): Promise<void> {
    assert(applied.index >= (this.appliedIndex(group) ?? 0), "a snapshot is not behind the state");
    const made = groupOf(group, applied);
    await this.#writer.enqueue({
      sync: true,
      build: (batch) => {
        this.#groups.set(group, made);
        this.#putApplied(batch, group, made);
        batch.push({ kind: "del", key: installKey(group) });
      },
    });
    this.#damaged.delete(group);
  }

  /** @throws `STORE_DAMAGED`. */
  #assertSound(group: GroupId): void {
    const reason = this.#damaged.get(group);
    if (reason !== undefined) throw damagedError(`the state of ${group}`, reason);
  }

  #group(group: GroupId): Group {
    const found = this.#groups.get(group);
    assert(found !== undefined, "the group has state here");
    return found;
  }

  async #checkpoint(): Promise<ReadonlyMap<GroupId, number>> {
    let indexes: ReadonlyMap<GroupId, number> = new Map();
    await this.#writer.flush((batch) => {
      indexes = new Map([...this.#groups].map(([group, { written }]) => [group, written.index]));
      batch.push(this.#checkpointed.take(indexes));
    });
    return indexes;
  }

  /** Takes a change into the view; what it adds to the hash as far as that is known. */
  #take(
    at: Group,
    change: StateChange,
  ): {
    readonly operations: readonly KvOperation[];
    readonly unknownKeys: readonly string[];
    readonly delta: Hash64;
  } {
    const operations: KvOperation[] = [];
    const unknownKeys: string[] = [];
    let delta = HASH64_ZERO;
    const take = (rowKey: string, value: Uint8Array | undefined): void => {
      const key = at.prefix + rowKey;
      const before = this.#view.known(key);
      const fresh = change.fresh?.has(rowKey) === true;
      assert(!fresh || before?.value === undefined, "what is said not to be there is not there");
      if (before !== undefined) delta = subtractHash64(delta, hashOf(rowKey, before));
      else if (!fresh) unknownKeys.push(key);
      const row: CachedRow = { value, hash: undefined };
      delta = addHash64(delta, hashOf(rowKey, row));
      operations.push(value === undefined ? { kind: "del", key } : putRow(key, value));
      this.#view.hold(key, row);
    };
    for (const { key, value } of change.puts) take(key, value);
    for (const key of change.deletes) take(key, undefined);
    return { operations, unknownKeys, delta };
  }

  /** The hash of a row that nobody had read, from its record on disk. */
  #hashOnDisk(
    at: { readonly group: GroupId; readonly prefix: string; readonly key: string },
    value: Uint8Array | undefined,
  ): Hash64 {
    const content = this.#openRow(at, value);
    if (content === undefined) return HASH64_ZERO;
    return hash64(at.key.slice(at.prefix.length), content);
  }

  #putApplied(batch: KvOperation[], group: GroupId, at: Group): void {
    const key = appliedKey(group);
    const value = encodeApplied(key, at.written);
    this.#sum.set(key, value);
    batch.push({ kind: "put", key, value });
  }

  async #fetchRows(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await this.#kv.getMany(keys);
    return values.map((value, at) => {
      const key = keys[at] ?? "";
      return this.#openRow({ group: parseRowKey(key), key }, value);
    });
  }

  async #scan(
    reader: KvReader,
    of: { readonly group: GroupId; readonly generation: number },
    range: StateRange,
  ): Promise<StatePage> {
    const prefix = rowPrefix(of.group, of.generation);
    const page = await reader.scan({
      ...rowsRange(prefix, range),
      limit: range.limit,
      bytesMax: range.bytesMax,
      reverse: range.reverse === true,
    });
    const rows = page.rows.map(({ key, value }) => ({
      key: key.slice(prefix.length),
      value: this.#openRow({ group: of.group, key }, value) ?? value,
    }));
    return { rows, more: page.more };
  }

  /** @throws `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`. */
  #openRow(
    at: { readonly group: GroupId; readonly key: string },
    value: Uint8Array | undefined,
  ): Uint8Array | undefined {
    if (value === undefined) return undefined;
    const opened = openRecord(at.key, { value, versionMax: ROW_VERSION });
    if (opened.kind === "ok") return opened.content;
    if (this.#bugs.trustRows === true) return value.subarray(RECORD_HEADER_BYTES);
    if (opened.kind === "version-unknown")
      throw versionError(`the state of ${at.group}`, opened.version);
    const reason = "the checksum of a row does not fit";
    const error = damagedError(`the state of ${at.group}`, reason);
    const prefix = this.#groups.get(at.group)?.prefix;
    // Rows of a state that another has replaced are nobody's damage.
    if (prefix !== undefined && at.key.startsWith(prefix)) {
      this.#damaged.set(at.group, reason);
      this.#onDamaged?.(at.group, error);
    }
    throw error;
  }
}

function groupOf(group: GroupId, applied: AppliedRecord): Group {
  const { generation, index, term } = applied;
  const prefix = rowPrefix(group, generation);
  return { generation, prefix, called: { index, term }, written: applied };
}
