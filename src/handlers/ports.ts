/**
 * What running handlers needs from outside: pairs in, pairs out. Fulfilled by `fs` in the node and
 * by memory in tests. All of it is used in the data plane only, never on the control thread.
 */
import type { Dataset, PairOrder, PieceSlice } from "../wire/dataset.ts";

/** A pair as it is stored: equality and order of keys are those of the bytes. */
export interface PairRecord {
  /** Canonical ordered encoding of the key (`std/ordered-key.ts`). */
  readonly key: Uint8Array;
  /** The value as JSON text in UTF-8, made by the node, so that equal values have equal bytes. */
  readonly value: Uint8Array;
}

/** Values of one key, in parts, so that a key with a million values needs no memory for them. */
export interface GroupPart {
  readonly key: Uint8Array;
  readonly values: readonly Uint8Array[];
  /** False when more values of the same key follow in the next part. */
  readonly last: boolean;
}

/** Takes the pairs of one output. Use: `add` any number of times, then `finish` or `discard` once. */
export interface PairSink {
  /** Resolves when more may come: waiting for it is the back-pressure. */
  add(records: readonly PairRecord[]): Promise<void>;
  /**
   * One dataset for each part. What is not inline is synced to this node's disk when this resolves.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO` when the disk refuses.
   */
  finish(): Promise<readonly Dataset[]>;
  /** Frees what was buffered or spilled. */
  discard(): Promise<void>;
}

/**
 * Sorts pairs that are read again in the same attempt. Nothing of it outlives the attempt, so nothing
 * is synced. Use: `add` any number of times, then `groups` once, and `discard` in the end in every case.
 */
export interface PairSorter {
  /**
   * Resolves when more may come: waiting for it is the back-pressure.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO` when the disk refuses what does not fit into memory.
   */
  add(records: readonly PairRecord[]): Promise<void>;
  /**
   * All pairs as groups in key order; values of one key stay in the order of adding. What it holds is
   * freed when it ends, is left or fails.
   */
  groups(): AsyncIterable<readonly GroupPart[]>;
  /**
   * Ends a reading that is not at its end, and frees what is held. Harmless to repeat; not to be
   * called while an `add` is under way.
   */
  discard(): Promise<void>;
}

/** Reading and writing of datasets, streamed with bounded memory. */
export interface PairIo {
  /** The pairs of the slices, one after the other. All runs must be on this node already. */
  read(slices: readonly PieceSlice[]): AsyncIterable<readonly PairRecord[]>;
  /**
   * Merges key-ordered pieces into groups in key order; values of one key stay in the order of
   * `inputs`, then of the piece. Each dataset's runs are on this node when `inputs` yields it.
   */
  readGroups(inputs: AsyncIterable<Dataset>): AsyncIterable<readonly GroupPart[]>;
  /** Sorts by key (stable) and cuts into `parts` by the hash of the key; spills beyond its memory. */
  sorted(options: { readonly parts: number }): PairSink;
  /** Sorts by key (stable) for a reader in the same attempt; keeps to the same memory as `sorted`. */
  sorter(): PairSorter;
  /** Keeps the order of adding; one part. `inlineBytes`: may be inline, if less than else. */
  yielded(options?: { readonly inlineBytes?: number }): PairSink;
  /**
   * What a sink would make of these pairs, at once, or undefined when that is not all inline.
   * `order` "key" is that of `sorted`, "yield" that of `yielded` with one part.
   */
  small(
    records: readonly PairRecord[],
    options: { readonly order: PairOrder; readonly parts: number },
  ): readonly Dataset[] | undefined;
}
