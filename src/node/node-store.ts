/** A node's data directory as the actors see it: logs and states over the store's two databases. */

import type {
  GroupAppend,
  LogPort,
  Membership,
  StatesPort,
  StoredReplica,
} from "../actors/ports.ts";
import type { ReplicaId } from "../raft/types.ts";
import { errorText, JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Random } from "../std/random.ts";
import { completeIdentity, type Identity, openIdentity } from "../store/identity.ts";
import { type LogStore, openLogStore } from "../store/log-store.ts";
import type { LoadedGroup, LogReport } from "../store/log-store-types.ts";
import type { Disk } from "../store/ports.ts";
import { openStateStore, type StateStore } from "../store/state-store.ts";
import type { StateReport } from "../store/state-store-types.ts";
import type { Format } from "../wire/frame.ts";
import { membershipFormat } from "../wire/membership.ts";
import { rowFormat } from "../wire/row.ts";
import { systemRowFormat } from "../wire/system.ts";
import { GroupState } from "./group-state.ts";

/** Bytes of the newest entries of each group that a start brings into memory. */
const TAIL_BYTES_MAX = 4 * 1024 * 1024;

/** Rows of all groups kept in memory as bytes. */
const CACHE_BYTES = 64 * 1024 * 1024;

export interface NodeStoreOptions {
  readonly disk: Disk;
  readonly clusterId: string;
  readonly nodeId: string;
  readonly random: Random;
  readonly log: Log;
}

export class NodeStore implements LogPort, StatesPort {
  readonly identity: Identity;
  readonly #logs: LogStore;
  readonly #states: StateStore;
  readonly #log: Log;
  readonly #replicas = new Map<number, StoredReplica>();
  /** The replica of each group that appends are for. */
  readonly #ids = new Map<number, ReplicaId>();
  #checkpointing = false;

  /**
   * Opens the directory, or makes it at the first start.
   * @throws {JobxError} `STORE_*` when it cannot be used at all.
   */
  static async open(options: NodeStoreOptions): Promise<NodeStore> {
    const { disk, clusterId, nodeId, random } = options;
    const { identity, create } = await openIdentity(disk, { clusterId, nodeId, random });
    const { storeId } = identity;
    const logs = await openLogStore({ disk, storeId, create, tailBytesMax: TAIL_BYTES_MAX });
    const states = await openStateStore({ disk, storeId, create, cacheBytes: CACHE_BYTES });
    if (create) await completeIdentity(disk, identity);
    return new NodeStore(options, { identity, logs, states });
  }

  /** Use `NodeStore.open`. */
  constructor(
    options: NodeStoreOptions,
    opened: {
      readonly identity: Identity;
      readonly logs: { readonly store: LogStore; readonly report: LogReport };
      readonly states: { readonly store: StateStore; readonly report: StateReport };
    },
  ) {
    this.identity = opened.identity;
    this.#log = options.log;
    this.#logs = opened.logs.store;
    this.#states = opened.states.store;
    for (const loaded of opened.logs.report.groups) this.#found(loaded, opened.states.report);
    for (const { group, reason } of opened.logs.report.damaged) this.#foundDamaged(group, reason);
  }

  // LogPort

  replicas(): readonly StoredReplica[] {
    return [...this.#replicas.values()].sort((a, b) => a.group - b.group);
  }

  async createReplica(group: number, replica: ReplicaId, bootstrap: Membership): Promise<void> {
    const name = nameOf(group);
    if (this.#states.applied(name) === undefined) await this.#states.createGroup(name);
    await this.#logs.createReplica({
      group: name,
      replica,
      configuration: {
        index: 0,
        configuration: bootstrap.configuration,
        note: membershipFormat.encode(bootstrap),
      },
      start: { index: 0, term: 0 },
    });
    this.#ids.set(group, replica);
    this.#replicas.set(group, {
      group,
      replica,
      bootstrap,
      hardState: { term: 0, vote: undefined, commit: 0 },
      compacted: { index: 0, term: 0 },
      lastIndex: 0,
      terms: [],
      tail: [],
      damage: undefined,
    });
  }

  async append(tasks: readonly GroupAppend[]): Promise<void> {
    await this.#logs.append(
      tasks.map(({ group, hardState, entries }) => {
        const replica = this.#ids.get(group);
        if (replica === undefined) throw new Error(`group ${group} has no replica here`);
        return { group: nameOf(group), replica, hardState, entries };
      }),
    );
  }

  async readEntries(
    group: number,
    range: { readonly firstIndex: number; readonly lastIndex: number; readonly bytesMax: number },
  ): ReturnType<LogPort["readEntries"]> {
    const read = await this.#logs.readEntries(nameOf(group), range);
    return read.kind === "entries" ? read.entries : [];
  }

  // StatesPort

  workflow(group: number): ReturnType<StatesPort["workflow"]> {
    return this.#state(group, rowFormat);
  }

  system(): ReturnType<StatesPort["system"]> {
    return this.#state(0, systemRowFormat);
  }

  /** Sum of the hashes of a group's rows, for comparing replicas. */
  stateHash(group: number): { readonly index: number; readonly hash: string } | undefined {
    const applied = this.#states.applied(nameOf(group));
    if (applied === undefined) return undefined;
    const { high, low } = applied.hash;
    return { index: applied.index, hash: `${high.toString(16)}-${low.toString(16)}` };
  }

  /** Ends after what is under way. */
  async close(): Promise<void> {
    await this.#states.close();
    await this.#logs.close();
  }

  async #state<R extends object>(group: number, format: Format<R>): Promise<GroupState<R>> {
    const name = nameOf(group);
    // A crash may have lost an unsynced state as a whole; it comes again from the log.
    if (this.#states.applied(name) === undefined) await this.#states.createGroup(name);
    return new GroupState(this.#states, {
      group: name,
      format,
      checkpointDue: () => void this.#checkpoint(),
    });
  }

  async #checkpoint(): Promise<void> {
    if (this.#checkpointing) return;
    this.#checkpointing = true;
    try {
      await this.#states.checkpoint();
      await this.#logs.checkpoint();
    } catch (error) {
      this.#log.error("a checkpoint failed", { reason: errorText(error) });
    } finally {
      this.#checkpointing = false;
    }
  }

  #found(loaded: LoadedGroup, states: StateReport): void {
    const group = numberOf(loaded.group);
    const { replica, hardState, compacted, lastIndex, terms, entries, configuration } = loaded;
    const applied = states.groups.get(loaded.group)?.index ?? 0;
    const lost = applied > lastIndex ? "the state has applied more than the log holds" : undefined;
    const damaged = states.damaged.find((one) => one.group === loaded.group)?.reason;
    const damage = states.damagedAll ?? damaged ?? lost ?? noteDamage(configuration?.note);
    this.#ids.set(group, replica);
    if (damage !== undefined || configuration === undefined) {
      this.#foundDamaged(loaded.group, damage ?? "the replica's first membership is missing");
      return;
    }
    this.#replicas.set(group, {
      group,
      replica,
      bootstrap: membershipFormat.decode(configuration.note),
      hardState,
      compacted,
      lastIndex,
      terms,
      tail: entries,
      damage: undefined,
    });
  }

  #foundDamaged(name: string, damage: string): void {
    const group = numberOf(name);
    this.#log.error("a replica is damaged and takes no part", { group, reason: damage });
    this.#replicas.set(group, {
      group,
      replica: this.#ids.get(group) ?? 1,
      bootstrap: NOBODY,
      hardState: { term: 0, vote: undefined, commit: 0 },
      compacted: { index: 0, term: 0 },
      lastIndex: 0,
      terms: [],
      tail: [],
      damage,
    });
  }
}

const NOBODY: Membership = {
  configuration: {
    voters: [],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  },
  places: [],
  nextReplica: 1,
};

function noteDamage(note: Uint8Array | undefined): string | undefined {
  if (note === undefined) return "the replica's first membership is missing";
  try {
    membershipFormat.decode(note);
    return undefined;
  } catch (error) {
    if (error instanceof JobxError) return errorText(error);
    throw error;
  }
}

function nameOf(group: number): string {
  return `${group}`;
}

function numberOf(name: string): number {
  return Number(name);
}
