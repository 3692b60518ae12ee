/**
 * Datasets on this node's disk: writes what handlers yield, sorted or not, and reads it back. Runs
 * in a worker thread; everything it does ends with its signal.
 */
import type { GroupPart, PairIo, PairRecord } from "../handlers/ports.ts";
import { assert } from "../std/assert.ts";
import type { Dataset, NodeId, PairOrder, PieceSlice } from "../wire/dataset.ts";
import { BlockCache, uncached } from "./block-cache.ts";
import type { BlockStore } from "./block-store.ts";
import { checkStopped, runMismatch } from "./errors.ts";
import { BATCH_BYTES, BATCH_RECORDS, readGroups } from "./groups.ts";
import { type MergeTreeOptions, OPEN_READERS_MAX } from "./merge-tree.ts";
import { openPiece, sliceWithin } from "./run-source.ts";
import { SortedSink, YieldedSink } from "./sinks.ts";
import { smallDatasets } from "./small-datasets.ts";
import { Sorter } from "./sorter.ts";

/** Memory of one sort, bytes: pairs and index. More means fewer temporary runs. */
export const SORT_MEMORY_BYTES = 32 * 1024 * 1024;

/** Memory of one merge, bytes: a data block or a read buffer for each of its open readers. */
export const MERGE_MEMORY_BYTES = 64 * 1024 * 1024;

/** What the datasets of a node are made of. */
export interface PairIoOptions {
  readonly store: BlockStore;
  /** This node, the holder of what is written here. */
  readonly self: NodeId;
  /** Bound of one sorting sink or sorter; merges of its temporary runs keep to it as well. */
  readonly sortMemoryBytes?: number;
  /** Bound of one `readGroups`. */
  readonly mergeMemoryBytes?: number;
  readonly readersMax?: number;
  /** See `DatasetWriterOptions`. */
  readonly runBlocksMax?: number;
  /** Ends everything under way with `FS_STOPPED`. */
  readonly signal?: AbortSignal;
}

/** Fulfils the port over a block store. Any number of reads and sinks may be open at a time. */
export class StoredPairIo implements PairIo {
  readonly #options: PairIoOptions;
  readonly #cache: BlockCache;

  constructor(options: PairIoOptions) {
    this.#options = options;
    this.#cache = new BlockCache(options.store);
  }

  /**
   * See the port.
   * @throws {JobxError} `FS_BLOCK_MISSING`, `FS_BLOCK_DAMAGED`, `FS_RUN_MISMATCH`, `RUN_MALFORMED`,
   * `PAIRS_MALFORMED`, `FS_IO`, `FS_STOPPED`.
   */
  async *read(slices: readonly PieceSlice[]): AsyncGenerator<readonly PairRecord[]> {
    for (const slice of slices) {
      assert(sliceWithin(slice), "a slice names pairs that its piece has");
      if (slice.count > 0) yield* this.#readSlice(slice);
    }
  }

  readGroups(inputs: AsyncIterable<Dataset>): AsyncGenerator<readonly GroupPart[]> {
    const { store, signal, mergeMemoryBytes = MERGE_MEMORY_BYTES } = this.#options;
    const { readersMax = OPEN_READERS_MAX } = this.#options;
    return readGroups(inputs, { store, memoryBytes: mergeMemoryBytes, readersMax, signal });
  }

  sorted(options: { readonly parts: number }): SortedSink {
    const output = { ...this.#output(), parts: options.parts };
    return new SortedSink({ ...this.#sorting(), output });
  }

  sorter(): Sorter {
    return new Sorter(this.#sorting());
  }

  yielded(options: { readonly inlineBytes?: number } = {}): YieldedSink {
    const { store, signal } = this.#options;
    return new YieldedSink({ ...this.#output(), ...options, store }, signal);
  }

  small(
    records: readonly PairRecord[],
    options: { readonly order: PairOrder; readonly parts: number },
  ): readonly Dataset[] | undefined {
    return smallDatasets(records, options);
  }

  #sorting(): MergeTreeOptions {
    const { store, signal, sortMemoryBytes = SORT_MEMORY_BYTES } = this.#options;
    const { readersMax = OPEN_READERS_MAX } = this.#options;
    return { store, memoryBytes: sortMemoryBytes, readersMax, signal };
  }

  #output(): { readonly self: NodeId; readonly runBlocksMax?: number } {
    const { self, runBlocksMax } = this.#options;
    return runBlocksMax === undefined ? { self } : { self, runBlocksMax };
  }

  async *#readSlice(slice: PieceSlice): AsyncGenerator<readonly PairRecord[]> {
    const whole = slice.count === slice.piece.count;
    const reader = whole ? uncached(this.#options.store) : this.#cache;
    const source = await openPiece(reader, slice);
    let left = slice.count;
    while (left > 0) {
      checkStopped(this.#options.signal);
      const chunk = await source.next();
      if (chunk === undefined) {
        throw runMismatch(source.cid ?? "inline", "fewer pairs than it counts");
      }
      const { cursor } = chunk;
      let batch: PairRecord[] = [];
      let bytes = 0;
      while (left > 0 && cursor.next()) {
        batch.push({ key: cursor.key(), value: cursor.value() });
        bytes += cursor.recordEnd - cursor.recordStart;
        left--;
        if (batch.length < BATCH_RECORDS && bytes < BATCH_BYTES) continue;
        yield batch;
        batch = [];
        bytes = 0;
      }
      if (batch.length > 0) yield batch;
    }
    await source.close();
  }
}
