/** In the data plane: reads blocks to see whether they are still what they should be. */
import type { BlockStore } from "../../fs/block-store.ts";
import { FsError } from "../../fs/errors.ts";
import { SlotGate } from "../../handlers/slot-gate.ts";
import type { Clock, Timers } from "../../std/clock.ts";
import type { Cid } from "../../wire/dataset.ts";
import type { DataPlaneAnswer, DataPlaneRequest } from "./messages.ts";

/** Blocks of a store that are read for one question: some seconds of a slow disk. */
const BLOCKS_VERIFIED_AT_ONCE = 64;

/** A rest after each block is this part of the time that reading it took: others get the disk in between. */
const REST_RATIO = 1;

/** What was read. */
export interface Verified {
  readonly blocks: number;
  readonly bytes: number;
  readonly damaged: readonly Cid[];
}

/** Reads one block at a time, whoever asks, and rests as long as it worked. */
export class BlockVerifier {
  readonly #store: Pick<BlockStore, "get">;
  readonly #machine: Clock & Timers;
  readonly #signal: AbortSignal;
  readonly #gate = new SlotGate(1);

  constructor(options: {
    readonly store: Pick<BlockStore, "get">;
    readonly machine: Clock & Timers;
    readonly signal: AbortSignal;
  }) {
    this.#store = options.store;
    this.#machine = options.machine;
    this.#signal = options.signal;
  }

  /**
   * Reads those of the blocks that are here. The store sets damaged ones aside.
   * @throws {JobxError} `FS_IO`; `FS_STOPPED`.
   */
  async verify(cids: readonly Cid[]): Promise<Verified> {
    let [blocks, bytes] = [0, 0];
    const damaged: Cid[] = [];
    await this.#gate.enter();
    try {
      for (const cid of cids) {
        if (this.#signal.aborted) throw new FsError({ code: "FS_STOPPED" }, "stopping");
        const beganMs = this.#machine.nowMs();
        const read = await this.#read(cid);
        if (read === "missing") continue;
        blocks++;
        if (read === "damaged") damaged.push(cid);
        else bytes += read;
        await this.#rest(REST_RATIO * (this.#machine.nowMs() - beganMs));
      }
    } finally {
      this.#gate.leave();
    }
    return { blocks, bytes, damaged };
  }

  async #read(cid: Cid): Promise<number | "missing" | "damaged"> {
    try {
      return (await this.#store.get(cid)).length;
    } catch (error) {
      if (error instanceof FsError && error.code === "FS_BLOCK_MISSING") return "missing";
      if (error instanceof FsError && error.code === "FS_BLOCK_DAMAGED") return "damaged";
      throw error;
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#machine.after(ms, resolve);
    });
  }
}

/** Reads the blocks that are named, or the next ones of the store. Rejects as `verify`. */
export async function answerVerifier(
  request: Extract<DataPlaneRequest, { readonly kind: "verify-blocks" | "verify-store" }>,
  store: Pick<BlockStore, "list">,
  verifier: BlockVerifier,
): Promise<DataPlaneAnswer> {
  const { id } = request;
  if (request.kind === "verify-blocks") {
    return { kind: "verified", id, last: undefined, ...(await verifier.verify(request.cids)) };
  }
  const cids = await store.list(request.after, BLOCKS_VERIFIED_AT_ONCE);
  return { kind: "verified", id, last: cids.at(-1), ...(await verifier.verify(cids)) };
}
