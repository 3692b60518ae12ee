/** In the data plane: makes runs of other nodes durable here. */

import type { BlockRacer, FetchFrom } from "../../fs/block-racer.ts";
import type { BlockStore } from "../../fs/block-store.ts";
import { FsError } from "../../fs/errors.ts";
import { fetchBlocks, fetchManifest, fetchRun, fetchWhatComes } from "../../fs/transfer.ts";
import { SlotGate } from "../../handlers/slot-gate.ts";
import { isJobxError } from "../../std/errors.ts";
import { rendezvousOrder } from "../../std/rendezvous.ts";
import type { Cid, NodeId, RunPiece } from "../../wire/dataset.ts";
import { decodeManifest } from "../../wire/run.ts";

/** Runs fetched at once: enough to use a network, and bounds the blocks in memory. */
export const FETCHES_MAX = 4;

/** Runs remembered as whole, so that a run that is here is not looked through for every unit. */
const WHOLE_MAX = 10_000;

/** Trying another node does not help against these. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  "FS_DISK_FULL",
  "FS_IO",
  "FS_STOPPED",
  "RUN_MALFORMED",
  "FS_RUN_MISMATCH",
]);

/** A block as one node sends it. */
export type FetchBlock = FetchFrom;

/** Fetches runs from nodes in turn, and verifies and syncs them. */
export class RunFetcher {
  readonly #store: BlockStore;
  readonly #fetchBlock: FetchBlock;
  readonly #racer: Pick<BlockRacer, "get">;
  readonly #self: NodeId;
  readonly #gate = new SlotGate(FETCHES_MAX);
  readonly #whole = new Set<Cid>();

  constructor(options: {
    readonly store: BlockStore;
    readonly self: NodeId;
    readonly fetchBlock: FetchBlock;
    readonly racer: Pick<BlockRacer, "get">;
  }) {
    this.#store = options.store;
    this.#self = options.self;
    this.#fetchBlock = options.fetchBlock;
    this.#racer = options.racer;
  }

  /**
   * Resolves when the whole run is durable here.
   * @throws {JobxError} `FS_BLOCK_MISSING` when nobody was named who could have it; else what the
   * last node ended with; `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED` at once.
   */
  async ensure(
    run: RunPiece,
    options: { readonly from: readonly NodeId[]; readonly signal: AbortSignal },
  ): Promise<void> {
    if (this.#whole.has(run.cid)) return;
    await this.#gate.enter();
    try {
      await this.#fetch(run, options);
    } finally {
      this.#gate.leave();
    }
    if (this.#whole.size >= WHOLE_MAX) this.#whole.clear();
    this.#whole.add(run.cid);
  }

  /**
   * Resolves when the blocks are durable here, whatever they are part of.
   * @throws {JobxError} what the node ended with; `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`.
   */
  async ensureBlocks(
    cids: readonly Cid[],
    options: { readonly from: NodeId; readonly signal: AbortSignal },
  ): Promise<void> {
    const { from, signal } = options;
    const get = (cid: Cid) => this.#fetchBlock(from, cid, signal);
    await this.#gate.enter();
    try {
      await fetchBlocks(cids, { store: this.#store, source: { get }, signal });
    } finally {
      this.#gate.leave();
    }
  }

  /**
   * Brings blocks here from whoever of the nodes has them. Those that nobody has are left out.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`.
   */
  async takeBlocks(
    cids: readonly Cid[],
    options: { readonly from: readonly NodeId[]; readonly signal: AbortSignal },
  ): Promise<void> {
    const { signal } = options;
    const from = options.from.filter((node) => node !== this.#self);
    await this.#gate.enter();
    try {
      await fetchWhatComes(cids, {
        store: this.#store,
        receive: async (wanted) => {
          const order = rendezvousOrder(wanted.cid, from);
          const raced = await this.#racer.get(wanted, order, signal);
          return raced.kind === "came" ? raced.bytes : undefined;
        },
      });
    } finally {
      this.#gate.leave();
    }
  }

  /**
   * The blocks of a run, its list itself among them. A list of another node is not stored here: where one is,
   * its blocks are.
   * @throws {JobxError} what the last node ended with; `RUN_MALFORMED`, `FS_IO`, `FS_STOPPED`.
   */
  async blocksOf(
    cid: Cid,
    options: { readonly from: readonly NodeId[]; readonly signal: AbortSignal },
  ): Promise<readonly Cid[]> {
    const manifest = await this.#manifest(cid, options);
    return [cid, ...decodeManifest(manifest).blocks.map((block) => block.cid)];
  }

  async #manifest(
    cid: Cid,
    options: { readonly from: readonly NodeId[]; readonly signal: AbortSignal },
  ): Promise<Uint8Array> {
    const { from, signal } = options;
    let last: unknown;
    try {
      return await this.#store.get(cid);
    } catch (error) {
      if (!isJobxError(error) || !error.code.startsWith("FS_BLOCK_")) throw error;
      last = error;
    }
    for (const node of from) {
      if (node === this.#self) continue;
      const source = { get: () => this.#fetchBlock(node, cid, signal) };
      try {
        return await fetchManifest(cid, { source, signal });
      } catch (error) {
        if (!isJobxError(error) || FINAL_CODES.has(error.code)) throw error;
        last = error;
      }
    }
    throw last;
  }

  /** A block was found missing or damaged: nothing is known to be whole any more. */
  forget(): void {
    this.#whole.clear();
  }

  async #fetch(
    run: RunPiece,
    options: { readonly from: readonly NodeId[]; readonly signal: AbortSignal },
  ): Promise<void> {
    const { signal } = options;
    const others = options.from.filter((node) => node !== this.#self);
    let last: unknown;
    // Without anybody to ask, it is still seen whether the run is here.
    for (const node of others.length === 0 ? [undefined] : others) {
      const get = (cid: Cid) =>
        node === undefined ? Promise.reject(nobody(cid)) : this.#fetchBlock(node, cid, signal);
      try {
        await fetchRun(run, { store: this.#store, source: { get }, signal });
        return;
      } catch (error) {
        if (!isJobxError(error) || FINAL_CODES.has(error.code)) throw error;
        last = error;
      }
    }
    throw last;
  }
}

function nobody(cid: Cid): FsError {
  return new FsError({ code: "FS_BLOCK_MISSING", cid }, "the block is not on this node");
}
