/** Sorting of any number of pairs in bounded memory; what does not fit lies in temporary runs. */
import { type Pair, RECORD_BYTES_MAX, type RecordCursor, recordLength } from "../wire/pairs.ts";
import { checkStopped, FsError } from "./errors.ts";
import { MergeTree, type MergeTreeOptions, spillPart } from "./merge-tree.ts";
import { SortBuffer, type SortedRecords } from "./sort-buffer.ts";
import { SpillWriter } from "./spill.ts";

/** Pairs in order, gone through once: use `top`, then `step`, then `refill` when that said false. */
export interface SortedPairs {
  /** Where the walk stands, valid until it goes on; undefined at the end. */
  readonly top: { readonly cursor: RecordCursor; readonly partition: number } | undefined;
  /** Leaves the pair at `top`. False when the next one must be waited for: await `refill`. */
  step(): boolean;
  refill(): Promise<void>;
}

/** What a sort needs: `memoryBytes` bounds the pairs in memory, and then the merge. */
export interface ExternalSortOptions extends MergeTreeOptions {
  /** Parts that the keys are cut into by their hash. */
  readonly parts: number;
}

/**
 * Sorts by (part, key, arrival). Use: `add` any number of times, `open` once, and `remove` in the
 * end in every case.
 */
export class ExternalSort {
  readonly #options: ExternalSortOptions;
  readonly #buffer: SortBuffer;
  readonly #tree: MergeTree;
  #spilled = false;

  constructor(options: ExternalSortOptions) {
    this.#options = options;
    this.#buffer = new SortBuffer({ memoryBytes: options.memoryBytes });
    this.#tree = new MergeTree(options);
  }

  /**
   * Takes pairs, in the order in which equal keys are to stay.
   * @throws {JobxError} `FS_RECORD_TOO_LARGE`, `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`.
   */
  async add(records: readonly Pair[]): Promise<void> {
    checkStopped(this.#options.signal);
    for (const record of records) {
      checkSize(record);
      this.#buffer.add(record);
      if (this.#buffer.full) await this.#spill();
    }
  }

  /** All pairs in order: straight from memory when they fitted. Bytes at `top` stay as they are. */
  async open(): Promise<SortedPairs> {
    checkStopped(this.#options.signal);
    if (!this.#spilled) return new BufferedPairs(this.#buffer.sorted(this.#options.parts));
    if (this.#buffer.count > 0) await this.#spill();
    this.#buffer.release();
    return this.#tree.open();
  }

  /** Frees the memory and removes all files, after success and failure alike. */
  async remove(): Promise<void> {
    this.#buffer.release();
    await this.#tree.remove();
  }

  async #spill(): Promise<void> {
    checkStopped(this.#options.signal);
    const writer = await SpillWriter.create(this.#options.store.temporaryPath());
    try {
      const records = this.#buffer.sorted(this.#options.parts);
      for (let cursor = records.next(); cursor !== undefined; cursor = records.next()) {
        writer.append(cursor, records.partition);
        if (writer.full) await writer.flush();
      }
      this.#spilled = true;
      await this.#tree.add(spillPart(await writer.finish()));
    } catch (error) {
      await writer.discard();
      throw error;
    }
    this.#buffer.clear();
  }
}

/** A sort's memory as a walk that never waits. */
class BufferedPairs implements SortedPairs {
  top: { readonly cursor: RecordCursor; readonly partition: number } | undefined;
  readonly #records: SortedRecords;

  constructor(records: SortedRecords) {
    this.#records = records;
    this.step();
  }

  step(): boolean {
    const cursor = this.#records.next();
    this.top = cursor && { cursor, partition: this.#records.partition };
    return true;
  }

  async refill(): Promise<void> {}
}

/** @throws {JobxError} `FS_RECORD_TOO_LARGE` for a pair beyond `RECORD_BYTES_MAX`. */
export function checkSize(record: Pair): void {
  const bytes = recordLength(record);
  if (bytes <= RECORD_BYTES_MAX) return;
  throw new FsError(
    { code: "FS_RECORD_TOO_LARGE", bytes, bytesMax: RECORD_BYTES_MAX },
    "a pair is larger than a pair may be",
  );
}
