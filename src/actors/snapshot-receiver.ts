/**
 * Snapshots that this node's replicas take in (R5). Rows are fetched before the core is told, so that a
 * replica votes and acknowledges as before while that lasts, and what is half here is gone on with
 * when the connection breaks or the process starts anew.
 */
import type { RaftCore } from "../raft/raft-core.ts";
import type { SnapshotDescription } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { assert } from "../std/assert.ts";
import type { Timers } from "../std/clock.ts";
import { isSame } from "../std/equal.ts";
import { errorText } from "../std/errors.ts";
import { hash64Text, sameHash64 } from "../std/hash64.ts";
import type { Log } from "../std/log.ts";
import type {
  LogRestart,
  PayloadPort,
  SnapshotInfo,
  SnapshotInstall,
  SnapshotTransfer,
  StatesPort,
} from "./ports.ts";

/** Snapshots taken in at once; each has a chunk or two in memory, and the disk is one. */
const INSTALLS_MAX = 2;

/** A sender that says nothing for so long is given up; it announces the snapshot again. */
const STALL_MS = 15_000;

/** A follower's replica as far as it is needed here. */
export interface ReceivingReplica {
  readonly group: number;
  readonly core: Pick<RaftCore, "lacksSnapshot" | "adoptSnapshot">;
}

interface Offer {
  readonly replica: ReceivingReplica;
  readonly from: NodeId;
  readonly description: SnapshotDescription;
  readonly info: SnapshotInfo;
}

interface Transfer {
  readonly offer: Offer;
  readonly abort: AbortController;
}

export interface SnapshotReceiverDeps {
  readonly timers: Timers;
  readonly log: Log;
  readonly states: Pick<StatesPort, "beginInstall">;
  readonly transfer: Pick<SnapshotTransfer, "fetch">;
  readonly infos: PayloadPort<SnapshotInfo>;
  readonly wake: (group: number) => void;
}

export class SnapshotReceiver {
  readonly #deps: SnapshotReceiverDeps;
  readonly #running = new Map<number, Transfer>();
  /** The newest announcement for each group that is not being fetched. */
  readonly #waiting = new Map<number, Offer>();
  /** Complete, and being put into force by the host. */
  readonly #complete = new Map<
    number,
    { readonly install: SnapshotInstall; readonly info: SnapshotInfo }
  >();
  #installed = 0;
  #stopped = false;

  constructor(deps: SnapshotReceiverDeps) {
    this.#deps = deps;
  }

  /**
   * A leader announces a snapshot that the replica lacks.
   * @returns false if its descriptor is of another one: core and state would begin at two places.
   * @throws {JobxError} `WIRE_MALFORMED`, `WIRE_VERSION_UNKNOWN`.
   */
  offered(replica: ReceivingReplica, from: NodeId, description: SnapshotDescription): boolean {
    const info = this.#deps.infos.decode(description.descriptor);
    const { index, term, membership } = info;
    const { configuration } = membership;
    if (!isSame({ index, term, configuration }, withoutDescriptor(description))) return false;
    const { group } = replica;
    if (this.#running.get(group)?.offer.info.snapshot === info.snapshot) return true;
    this.#waiting.set(group, { replica, from, description, info });
    this.#next();
    return true;
  }

  /** Snapshots put into force since the start. */
  get installed(): number {
    return this.#installed;
  }

  /**
   * Puts the group's complete snapshot into force in its state, durably. Called while nothing of the
   * group is applied, after the core has adopted it. @returns where the log goes on.
   */
  async finish(group: number): Promise<LogRestart> {
    const complete = this.#complete.get(group);
    assert(complete !== undefined, "what the core has adopted is complete");
    const { index, term, membership } = complete.info;
    await complete.install.finish({ index, term, membership });
    this.#complete.delete(group);
    this.#installed += 1;
    this.#deps.log.info("installed a snapshot", { group, index });
    return { index, term, membership };
  }

  /** What was being fetched from a node that went down is left for later. */
  nodeDown(node: NodeId): void {
    for (const { offer, abort } of this.#running.values())
      if (offer.from === node) abort.abort(new Error("the sender went down"));
    for (const [group, { from }] of this.#waiting) if (from === node) this.#waiting.delete(group);
  }

  /** The group's replica has stopped here. */
  drop(group: number): void {
    this.#waiting.delete(group);
    this.#running.get(group)?.abort.abort(new Error("the replica has stopped"));
    this.#complete.get(group)?.install.pause();
    this.#complete.delete(group);
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    for (const { abort } of this.#running.values()) abort.abort(new Error("the node stops"));
  }

  #next(): void {
    for (const [group, offer] of this.#waiting) {
      if (this.#running.size >= INSTALLS_MAX) return;
      if (this.#running.has(group) || this.#complete.has(group)) continue;
      this.#waiting.delete(group);
      const transfer = { offer, abort: new AbortController() };
      this.#running.set(group, transfer);
      this.#run(transfer)
        .catch((error: unknown) => {
          const { snapshot } = offer.info;
          const reason = errorText(error);
          this.#deps.log.info("a snapshot was not taken in", { group, snapshot, reason });
        })
        .finally(() => {
          this.#running.delete(group);
          if (!this.#stopped) this.#next();
        });
    }
  }

  async #run(transfer: Transfer): Promise<void> {
    const { replica, description, info } = transfer.offer;
    const { group } = replica;
    if (!replica.core.lacksSnapshot(description)) return;
    const { snapshot, index } = info;
    const install = await this.#deps.states.beginInstall(group, { snapshot, index });
    try {
      await this.#fetch(transfer, install);
      transfer.abort.signal.throwIfAborted();
    } catch (error) {
      install.pause();
      throw error;
    }
    if (!sameHash64(install.hash, info.hash)) {
      // Each chunk was whole, so these are the sender's rows: they are not what it takes them for.
      const hashes = { expected: hash64Text(info.hash), found: hash64Text(install.hash) };
      this.#deps.log.error("a snapshot has another hash than announced", { group, ...hashes });
      await install.abandon();
      return;
    }
    this.#complete.set(group, { install, info });
    if (replica.core.adoptSnapshot(description)) {
      this.#deps.wake(group);
      return;
    }
    this.#complete.delete(group);
    await install.abandon();
  }

  async #fetch({ offer, abort }: Transfer, install: SnapshotInstall): Promise<void> {
    const { replica, from, info } = offer;
    const wanted = { group: replica.group, snapshot: info.snapshot, after: install.after };
    const stalled = (): void => abort.abort(new Error("the sender says nothing"));
    let timer = this.#deps.timers.after(STALL_MS, stalled);
    try {
      for await (const { rows, last } of this.#deps.transfer.fetch(from, wanted, abort.signal)) {
        timer.cancel();
        abort.signal.throwIfAborted();
        if (rows.length > 0) await install.put(rows);
        if (last) return;
        timer = this.#deps.timers.after(STALL_MS, stalled);
      }
      throw new Error("the snapshot ended before its last row");
    } finally {
      timer.cancel();
    }
  }
}

function withoutDescriptor({ index, term, configuration }: SnapshotDescription): object {
  return { index, term, configuration };
}
