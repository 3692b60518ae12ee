/** A node's data directory as the actors see it: logs and states over the store's two databases. */

import type { CapturedRows } from "../actors/collection/report.ts";
import { ActorError } from "../actors/errors.ts";
import type {
  CapturedState,
  GroupAppend,
  LogPort,
  NewReplica,
  SnapshotInstall,
  StatesPort,
  StoredReplica,
  Successor,
} from "../actors/ports.ts";
import { FOUNDING_POINT, type ReplicaId } from "../raft/types.ts";
import type { Timers } from "../std/clock.ts";
import { errorText, isJobxError } from "../std/errors.ts";
import { hash64Text } from "../std/hash64.ts";
import type { Log } from "../std/log.ts";
import { NO_BUGS, type PlantedBugs } from "../std/planted-bugs.ts";
import type { Random } from "../std/random.ts";
import { damagedError } from "../store/errors.ts";
import { completeIdentity, openIdentity } from "../store/identity.ts";
import type { Identity } from "../store/identity-file.ts";
import { PAGE_ROWS } from "../store/limits.ts";
import { openLogStore } from "../store/log-open.ts";
import type { LogStore } from "../store/log-store.ts";
import type { Disk } from "../store/ports.ts";
import { openStateStore } from "../store/state-open.ts";
import type { StateStore } from "../store/state-store.ts";
import type { Format } from "../wire/frame.ts";
import { membershipFormat } from "../wire/membership.ts";
import { rowFormat } from "../wire/row.ts";
import { systemRowFormat } from "../wire/system.ts";
import { DecodedRows } from "./decoded-rows.ts";
import { GroupState } from "./group-state.ts";
import { type OpenedStores, recoverReplicas } from "./store-recovery.ts";

/** Bytes of the newest entries of each group that a start brings into memory. */
const TAIL_BYTES_MAX = 4 * 1024 * 1024;

/** Rows of all groups kept in memory as bytes. */
const CACHE_BYTES = 64 * 1024 * 1024;

/**
 * Bytes of entries since the last checkpoint from which on another is due, although little was written
 * to the states: such entries would otherwise stay for long. Several tails of a busy group.
 */
const CHECKPOINT_LOG_BYTES = 32 * 1024 * 1024;

/** A page of rows that a collector reads ends with the row that reaches so many bytes. */
const RUN_PAGE_BYTES = 128 * 1024;

const NO_POINT = { index: 0, term: 0 } as const;

export interface NodeStoreOptions {
  readonly disk: Disk;
  readonly clusterId: string;
  readonly nodeId: string;
  readonly random: Random;
  readonly timers: Timers;
  readonly log: Log;
  /**
   * Whether a store that is damaged as a whole is set aside and a new one made, for others to fill (R2).
   * Not where the cluster has nobody who could: then opening says what is wrong.
   */
  readonly replaceable: boolean;
  /** The disk's memtable of `state/`, where that is not LevelDB's usual one. */
  readonly stateMemtableBytes?: number;
  readonly bugs?: PlantedBugs;
}

export class NodeStore implements LogPort, StatesPort {
  readonly identity: Identity;
  readonly #logs: LogStore;
  readonly #states: StateStore;
  readonly #log: Log;
  /** Making or destroying of a group's replica that is under way or waits, the last of each group. */
  readonly #changes = new Map<number, Promise<void>>();
  readonly #replicas = new Map<number, StoredReplica>();
  /** The replica of each group that appends are for. */
  readonly #ids = new Map<number, ReplicaId>();
  /** Open states by group: an install changes what they have decoded. */
  readonly #open = new Map<number, { forget(): void; close(): void }>();
  readonly #decoded = new DecodedRows();
  #checkpointing: Promise<void> | undefined;
  #closing = false;
  #checkpointedLogBytes = 0;
  #onCheckpoint: ((applied: ReadonlyMap<number, number>) => void) | undefined;

  /**
   * Opens the directory, or makes it at the first start or after damage.
   * @throws {JobxError} `STORE_*` when it cannot be used at all.
   */
  static async open(options: NodeStoreOptions): Promise<NodeStore> {
    try {
      return await NodeStore.#openOnce(options);
    } catch (error) {
      if (!options.replaceable || !isDamage(error)) throw error;
      const place = await options.disk.setAside();
      const reason = errorText(error);
      options.log.error("the store is damaged: it was set aside, and a new one is made", {
        reason,
        place,
      });
    }
    return NodeStore.#openOnce(options);
  }

  static async #openOnce(options: NodeStoreOptions): Promise<NodeStore> {
    const { disk, clusterId, nodeId, random, timers, log, stateMemtableBytes } = options;
    const { bugs = NO_BUGS } = options;
    const { identity, create } = await openIdentity(disk, { clusterId, nodeId, random });
    const { storeId } = identity;
    const logs = await openLogStore({ disk, storeId, create, tailBytesMax: TAIL_BYTES_MAX });
    const states = await openStateStore({
      disk,
      storeId,
      create,
      cacheBytes: CACHE_BYTES,
      ...(stateMemtableBytes === undefined ? {} : { memtableBytes: stateMemtableBytes }),
      timers,
      bugs,
    }).catch(async (error: unknown) => {
      await logs.store.close();
      throw error;
    });
    if (create) await completeIdentity(disk, identity);
    const damagedAll = logs.report.damagedAll ?? states.report.damagedAll;
    if (damagedAll !== undefined && options.replaceable) {
      await states.store.close();
      await logs.store.close();
      throw damagedError("a database of the node", damagedAll);
    }
    const replicas = await recoverReplicas({ logs, states }, { log, bugs });
    const store = new NodeStore(log, { identity, logs, states, replicas });
    store.#sweep(() => states.store.sweepAll());
    return store;
  }

  /** Use `NodeStore.open`. */
  constructor(
    log: Log,
    opened: OpenedStores & {
      readonly identity: Identity;
      readonly replicas: readonly StoredReplica[];
    },
  ) {
    this.identity = opened.identity;
    this.#log = log;
    this.#logs = opened.logs.store;
    this.#states = opened.states.store;
    for (const stored of opened.replicas) {
      this.#ids.set(stored.group, stored.replica);
      this.#replicas.set(stored.group, stored);
    }
  }

  // LogPort

  replicas(): readonly StoredReplica[] {
    return [...this.#replicas.values()].sort((a, b) => a.group - b.group);
  }

  createReplica(made: NewReplica): Promise<void> {
    return this.#inTurn(made.group, () => this.#create(made));
  }

  async #create({ group, replica, bootstrap, founder }: NewReplica): Promise<void> {
    const name = nameOf(group);
    if (replica <= this.#logs.replicaFloor(name))
      throw new ActorError(
        { code: "REPLICA_ID_USED" },
        `the group has had a replica ${replica} here`,
      );
    const start = founder ? FOUNDING_POINT : NO_POINT;
    const note = membershipFormat.encode(bootstrap);
    const { configuration } = bootstrap;
    // The log first: state without a log would look like damage after a crash.
    await this.#logs.createReplica({
      group: name,
      replica,
      configuration: { index: start.index, configuration, note },
      start,
    });
    await this.#states.createGroup(name, { ...start, note: founder ? note : new Uint8Array() });
    this.#ids.set(group, replica);
    this.#replicas.set(group, {
      group,
      replica,
      bootstrap,
      hardState: { term: start.term, vote: undefined, commit: start.index },
      compacted: start,
      lastIndex: start.index,
      terms: [],
      tail: [],
      damage: undefined,
    });
  }

  succeedReplica(successor: Successor): Promise<StoredReplica> {
    return this.#inTurn(successor.group, () => this.#succeed(successor));
  }

  async #succeed(successor: Successor): Promise<StoredReplica> {
    const { group, replica, index, term, membership } = successor;
    const name = nameOf(group);
    const note = membershipFormat.encode(membership);
    // The state first: whoever opens the two between finishes the log, and the old replica is no member.
    await this.#states.begin(name, { index, term, note });
    const configuration = { index, configuration: membership.configuration, note };
    const start = { index, term };
    await this.#logs.succeedReplica({ group: name, replica, configuration, start });
    const stored: StoredReplica = {
      group,
      replica,
      bootstrap: membership,
      hardState: { term, vote: undefined, commit: index },
      compacted: start,
      lastIndex: index,
      terms: [],
      tail: [],
      damage: undefined,
    };
    this.#ids.set(group, replica);
    this.#replicas.set(group, stored);
    return stored;
  }

  destroyReplica(group: number, below: ReplicaId): Promise<void> {
    this.#forget(group);
    return this.#inTurn(group, async () => {
      const name = nameOf(group);
      this.#forget(group);
      await this.#logs.destroyReplica(name, below - 1);
      await this.#states.dropGroup(name);
      this.#sweep(() => this.#states.sweep(name));
    });
  }

  #forget(group: number): void {
    this.#ids.delete(group);
    this.#replicas.delete(group);
    this.#close(group);
  }

  #close(group: number): void {
    this.#open.get(group)?.close();
    this.#open.delete(group);
  }

  /**
   * Making and destroying are writes to two databases: one that began in the middle of another would find
   * the one without the other. Runs `task` when those of the same group that came before have ended.
   */
  #inTurn<T>(group: number, task: () => Promise<T>): Promise<T> {
    const done = (this.#changes.get(group) ?? Promise.resolve()).then(task);
    const settled = done.then(
      () => {},
      () => {},
    );
    this.#changes.set(group, settled);
    void settled.then(() => {
      if (this.#changes.get(group) === settled) this.#changes.delete(group);
    });
    return done;
  }

  replicaFloor(group: number): ReplicaId {
    return this.#logs.replicaFloor(nameOf(group));
  }

  async append(tasks: readonly GroupAppend[]): Promise<void> {
    await this.#logs.append(
      tasks.map(({ group, hardState, restart, entries }) => {
        const replica = this.#ids.get(group);
        if (replica === undefined) throw new Error(`group ${group} has no replica here`);
        const name = nameOf(group);
        if (restart === undefined) return { group: name, replica, hardState, entries };
        const { index, term, membership } = restart;
        const note = membershipFormat.encode(membership);
        const at = { index, term, configuration: membership.configuration, note };
        return { group: name, replica, hardState, restart: at, entries };
      }),
    );
    const writtenBytes = this.#logs.stats.bytes - this.#checkpointedLogBytes;
    if (writtenBytes >= CHECKPOINT_LOG_BYTES) this.#checkpointSoon();
  }

  async readEntries(
    group: number,
    range: { readonly firstIndex: number; readonly lastIndex: number; readonly bytesMax: number },
  ): ReturnType<LogPort["readEntries"]> {
    const read = await this.#logs.readEntries(nameOf(group), range);
    return read.kind === "entries" ? read.entries : [];
  }

  onCheckpoint(told: (applied: ReadonlyMap<number, number>) => void): void {
    this.#onCheckpoint = told;
  }

  tailStart(group: number, bytesMax: number): number {
    return this.#logs.tailStart(nameOf(group), bytesMax);
  }

  async truncate(
    groups: readonly { readonly group: number; readonly index: number }[],
  ): Promise<void> {
    await this.#logs.truncate(groups.map(({ group, index }) => ({ group: nameOf(group), index })));
  }

  // StatesPort

  onDamaged(told: (group: number, error: Error) => void): void {
    this.#states.onDamaged((name, error) => told(Number(name), error));
  }

  workflow(group: number): ReturnType<StatesPort["workflow"]> {
    return this.#state(group, rowFormat);
  }

  system(): ReturnType<StatesPort["system"]> {
    return this.#state(0, systemRowFormat);
  }

  async capture(group: number): Promise<CapturedState> {
    const capture = await this.#states.capture(nameOf(group));
    const { index, term, hash, note } = capture.applied;
    return {
      index,
      term,
      hash,
      membership: membershipFormat.decode(note),
      chunk: async (after, bytesMax) => {
        const gte = after === undefined ? undefined : `${after}\0`;
        const page = await capture.scan({ prefix: "", gte, limit: PAGE_ROWS, bytesMax });
        return { rows: page.rows, last: !page.more };
      },
      close: () => capture.close(),
    };
  }

  async captureRows(group: number): Promise<CapturedRows> {
    const capture = await this.#states.capture(nameOf(group));
    return {
      scan: async ({ gte, lt, limit }) => {
        const bytesMax = RUN_PAGE_BYTES;
        const page = await capture.scan({ prefix: "", gte, lt, limit, bytesMax });
        const rows = page.rows.map(({ key, value }) => [key, rowFormat.decode(value)] as const);
        return { rows, more: page.more };
      },
      close: () => capture.close(),
    };
  }

  async beginInstall(
    group: number,
    of: { readonly snapshot: string; readonly index: number },
  ): Promise<SnapshotInstall> {
    const install = await this.#states.beginInstall(nameOf(group), of);
    return {
      get hash() {
        return install.hash;
      },
      get after() {
        return install.after;
      },
      put: (rows) => install.put(rows),
      finish: async ({ index, term, membership }) => {
        await install.finish({ index, term, note: membershipFormat.encode(membership) });
        this.#open.get(group)?.forget();
        this.#sweep(() => this.#states.sweep(nameOf(group)));
      },
      pause: () => install.pause(),
      abandon: async () => {
        await install.abandon();
        this.#sweep(() => this.#states.sweep(nameOf(group)));
      },
    };
  }

  /** Sum of the hashes of a group's rows, for comparing replicas. */
  stateHash(group: number): { readonly index: number; readonly hash: string } | undefined {
    const applied = this.#states.applied(nameOf(group));
    return applied === undefined
      ? undefined
      : { index: applied.index, hash: hash64Text(applied.hash) };
  }

  /** Ends after what is under way. */
  async close(): Promise<void> {
    this.#closing = true;
    // It moves the states first and the logs after them, so both stores stay open for it.
    await this.#checkpointing;
    await this.#states.close();
    await this.#logs.close();
  }

  async #state<R extends object>(group: number, format: Format<R>): Promise<GroupState<R>> {
    this.#close(group);
    const state = new GroupState(this.#states, {
      group: nameOf(group),
      format,
      decoded: this.#decoded.group<R>(),
      checkpointDue: () => this.#checkpointSoon(),
    });
    this.#open.set(group, state);
    return state;
  }

  #checkpointSoon(): void {
    if (this.#closing) return;
    this.#checkpointing ??= this.#checkpoint().finally(() => {
      this.#checkpointing = undefined;
    });
  }

  async #checkpoint(): Promise<void> {
    this.#checkpointedLogBytes = this.#logs.stats.bytes;
    try {
      const applied = await this.#states.checkpoint();
      await this.#logs.checkpoint();
      this.#onCheckpoint?.(new Map([...applied].map(([name, index]) => [Number(name), index])));
    } catch (error) {
      this.#log.error("a checkpoint failed", { reason: errorText(error) });
    }
  }

  /** Rows that belong to nothing go in the background; what is left then is swept after the next start. */
  #sweep(sweep: () => Promise<void>): void {
    sweep().catch((error: unknown) => {
      this.#log.debug("old rows were not swept", { reason: errorText(error) });
    });
  }
}

/** Whether what was acknowledged is not there any more. Being locked, full or too new is another matter. */
function isDamage(error: unknown): boolean {
  return isJobxError(error) && (error.code === "STORE_DAMAGED" || error.code === "STORE_MISSING");
}

function nameOf(group: number): string {
  return `${group}`;
}
