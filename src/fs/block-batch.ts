/** Blocks that become durable together. */
import { assert } from "../std/assert.ts";
import type { Cid } from "../wire/dataset.ts";
import { DATA_BLOCK_BYTES_MAX } from "../wire/run.ts";
import { asError } from "./block-files.ts";
import { cidOf } from "./cid.ts";
import { PACK_BYTES, PACKED_BLOCK_BYTES, recordBytes } from "./packs/format.ts";
import type { Blocks } from "./packs/group-commit.ts";
import { shardOf, WRITES_AT_ONCE } from "./plain-blocks.ts";

/** Where a whole block is: in a file of its own or in a pack. */
export type Held = "plain" | "packed" | undefined;

/** What a batch does to its store. */
export interface BatchTarget {
  readonly holds: (cid: Cid) => Promise<Held>;
  /** Writes a block into a file of its own, unless it is here. */
  readonly writePlain: (cid: Cid, bytes: Uint8Array) => Promise<void>;
  /** Gives a file which has these bytes, and is never written to again, the block's name, where it can. */
  readonly linkPlain: (cid: Cid, bytes: Uint8Array, path: string) => Promise<void>;
  readonly syncShards: (shards: ReadonlySet<string>) => Promise<void>;
  /** Makes small blocks durable, together no more than a pack takes. */
  readonly storeSmall: (blocks: Blocks) => Promise<void>;
}

/**
 * Blocks that become durable together. Use: `put` any number of times, one at a time, then `commit`
 * or `settle` once. Small blocks wait in memory for the next pack, of which one is filled and one
 * written at a time.
 */
export class BlockBatch {
  readonly #target: BatchTarget;
  readonly #running = new Set<Promise<void>>();
  readonly #shards = new Set<string>();
  #small = new Map<Cid, Uint8Array>();
  #smallBytes = 0;
  #storing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(target: BatchTarget) {
    this.#target = target;
  }

  /**
   * Takes a block, which the caller leaves alone from now on; resolves when the next may come. `cid` is given
   * by callers that have just computed it from these bytes.
   * @throws {JobxError} the first error of this batch.
   */
  async put(bytes: Uint8Array, cid: Cid = cidOf(bytes)): Promise<Cid> {
    assert(bytes.length <= DATA_BLOCK_BYTES_MAX, "a block within bounds");
    if (bytes.length < PACKED_BLOCK_BYTES) await this.#putSmall(cid, bytes);
    else await this.#putLarge(cid, () => this.#target.writePlain(cid, bytes));
    return cid;
  }

  /**
   * As `put`, of bytes that are a file already: where it is on the store's disk it becomes the block's. Nobody writes
   * to it any more; it keeps the name that it has.
   */
  async take(bytes: Uint8Array, path: string): Promise<Cid> {
    if (bytes.length < PACKED_BLOCK_BYTES) return this.put(bytes);
    assert(bytes.length <= DATA_BLOCK_BYTES_MAX, "a block within bounds");
    const cid = cidOf(bytes);
    await this.#putLarge(cid, () => this.#target.linkPlain(cid, bytes, path));
    return cid;
  }

  /** Whether a block is here, and whole; if so, it is durable after `commit` like those that were put. */
  async keep(cid: Cid): Promise<boolean> {
    if (this.#small.has(cid)) return true;
    const held = await this.#target.holds(cid);
    if (held === "plain") this.#shards.add(shardOf(cid));
    return held !== undefined;
  }

  /**
   * Resolves when every block is durable.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`: then some blocks may be there all the same.
   */
  async commit(): Promise<void> {
    await this.#storing;
    this.#storeSmall();
    await this.settle();
    this.#check();
    await this.#target.syncShards(this.#shards);
  }

  /** Waits until nothing is written any more; promises nothing about the blocks. */
  async settle(): Promise<void> {
    await Promise.all([...this.#running, this.#storing]);
  }

  async #putSmall(cid: Cid, bytes: Uint8Array): Promise<void> {
    this.#check();
    if (this.#small.has(cid)) return;
    if (this.#smallBytes + recordBytes({ bytes }) > PACK_BYTES) {
      await this.#storing;
      this.#check();
      this.#storeSmall();
    }
    this.#small.set(cid, bytes);
    this.#smallBytes += recordBytes({ bytes });
  }

  #storeSmall(): void {
    const blocks = this.#small;
    this.#small = new Map();
    this.#smallBytes = 0;
    if (blocks.size > 0) this.#storing = this.#noting(this.#target.storeSmall(blocks));
  }

  async #putLarge(cid: Cid, store: () => Promise<void>): Promise<void> {
    while (this.#running.size >= WRITES_AT_ONCE) await Promise.race(this.#running);
    this.#check();
    // Also where the block was there: its directory may still wait for its sync (S2).
    this.#shards.add(shardOf(cid));
    const write = this.#noting(store());
    const running = write.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #noting(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw asError(this.#failure.error);
  }
}
