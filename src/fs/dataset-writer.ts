/** Turns pairs that come in their final order into datasets: inline when small, else runs. */
import { assert } from "../std/assert.ts";
import {
  type Cid,
  type Dataset,
  INLINE_BYTES_MAX,
  type NodeId,
  type PairOrder,
  type Piece,
  RESULT_INLINE_BYTES_MAX,
} from "../wire/dataset.ts";
import type { RecordCursor } from "../wire/pairs.ts";
import {
  DataBlockBuilder,
  type DataBlockEntry,
  encodeManifest,
  RUN_BLOCKS_MAX,
} from "../wire/run.ts";
import type { BlockBatch } from "./block-batch.ts";
import type { BlockStore } from "./block-store.ts";

/** What a writer needs. */
export interface DatasetWriterOptions {
  readonly store: Pick<BlockStore, "batch">;
  /** The node that holds what is written. */
  readonly self: NodeId;
  readonly order: PairOrder;
  readonly parts: number;
  /** Of all parts together; `RESULT_INLINE_BYTES_MAX` unless said. */
  readonly inlineBytes?: number;
  /** Data blocks after which another run begins; `RUN_BLOCKS_MAX`, less only in tests. */
  readonly runBlocksMax?: number;
}

/**
 * Takes pairs in the order of their parts. Use: for each pair, `flush` until `ready`, then `append`;
 * in the end `finish`, or `discard`.
 */
export class DatasetWriter {
  readonly #batch: BlockBatch;
  readonly #self: NodeId;
  readonly #order: PairOrder;
  readonly #runBlocksMax: number;
  readonly #datasets: Piece[][];
  readonly #builder = new DataBlockBuilder();
  /** How many more bytes may be inline: what comes first is. */
  #inlineLeft: number;
  #partition = 0;
  #blocks: DataBlockEntry[] = [];

  constructor(options: DatasetWriterOptions) {
    const { store, self, order, parts, runBlocksMax = RUN_BLOCKS_MAX } = options;
    this.#inlineLeft = options.inlineBytes ?? RESULT_INLINE_BYTES_MAX;
    this.#batch = store.batch();
    this.#self = self;
    this.#order = order;
    this.#runBlocksMax = runBlocksMax;
    this.#datasets = Array.from({ length: parts }, () => []);
  }

  /** Whether the pair at `cursor` can be appended without `flush`. */
  ready(cursor: RecordCursor, partition: number): boolean {
    return partition === this.#partition && this.#builder.fits(cursor);
  }

  /** Copies the pair at `cursor`, for which the writer is `ready`. */
  append(cursor: RecordCursor): void {
    this.#builder.append(cursor);
  }

  /** Writes the open block, and ends the run if the next pair belongs to another part. */
  async flush(partition: number): Promise<void> {
    assert(partition >= this.#partition, "parts come in order");
    assert(partition < this.#datasets.length, "a part of this output");
    if (partition === this.#partition) return this.#endBlock();
    await this.#endPart();
    this.#partition = partition;
  }

  /**
   * The datasets, one for each part, empty where no pair came. All blocks are durable then. When it
   * fails, nothing is written any more either.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`.
   */
  async finish(): Promise<readonly Dataset[]> {
    try {
      await this.#endPart();
      await this.#batch.commit();
    } catch (error) {
      await this.discard();
      throw error;
    }
    return this.#datasets;
  }

  /** Waits until nothing is written any more. Blocks that are written stay until they are collected. */
  async discard(): Promise<void> {
    await this.#batch.settle();
  }

  async #endPart(): Promise<void> {
    const builder = this.#builder;
    const pieces = this.#datasets[this.#partition];
    assert(pieces !== undefined, "a part of this output");
    const small = pieces.length === 0 && this.#blocks.length === 0;
    if (small && builder.recordsBytes <= Math.min(INLINE_BYTES_MAX, this.#inlineLeft)) {
      if (builder.count === 0) return;
      this.#inlineLeft -= builder.recordsBytes;
      const { count } = builder;
      pieces.push({ kind: "inline", bytes: builder.records(), count, order: this.#order });
      builder.clear();
      return;
    }
    if (builder.count > 0) await this.#endBlock();
    if (this.#blocks.length > 0) await this.#endRun();
  }

  async #endBlock(): Promise<void> {
    const { block, count, firstKey } = this.#builder.finish();
    const cid: Cid = await this.#batch.put(block);
    // Keys that are not sorted say nothing about where to look.
    const known = this.#order === "key" ? firstKey : new Uint8Array(0);
    this.#blocks.push({ cid, bytes: block.length, count, firstKey: known });
    if (this.#blocks.length === this.#runBlocksMax) await this.#endRun();
  }

  async #endRun(): Promise<void> {
    const blocks = this.#blocks;
    this.#blocks = [];
    const count = blocks.reduce((sum, block) => sum + block.count, 0);
    const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
    const order = this.#order;
    const cid = await this.#batch.put(encodeManifest({ order, count, bytes, blocks }));
    const holders = [this.#self];
    this.#datasets[this.#partition]?.push({ kind: "run", cid, bytes, count, order, holders });
  }
}
