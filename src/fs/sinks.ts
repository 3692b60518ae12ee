/** The two ways in which pairs come in: to be sorted, or to be kept as they come. */
import type { PairSink } from "../handlers/ports.ts";
import { assert } from "../std/assert.ts";
import type { Dataset } from "../wire/dataset.ts";
import { encodePairs, type Pair, RecordCursor } from "../wire/pairs.ts";
import { DatasetWriter, type DatasetWriterOptions } from "./dataset-writer.ts";
import { checkStopped } from "./errors.ts";
import { checkSize, ExternalSort } from "./external-sort.ts";
import type { MergeTreeOptions } from "./merge-tree.ts";
import { PARTS_MAX } from "./partition.ts";
import { Turn } from "./turn.ts";

/** What a sorting sink needs. */
export interface SortedSinkOptions extends MergeTreeOptions {
  readonly output: Omit<DatasetWriterOptions, "order" | "store">;
}

/** Sorts by key within bounded memory, spilling sorted temporary runs, and cuts into parts. */
export class SortedSink implements PairSink {
  readonly #options: SortedSinkOptions;
  readonly #sort: ExternalSort;
  readonly #turn = new Turn();

  constructor(options: SortedSinkOptions) {
    const { parts } = options.output;
    assert(Number.isInteger(parts) && parts > 0 && parts <= PARTS_MAX, "parts within bounds");
    this.#options = options;
    this.#sort = new ExternalSort({ ...options, parts });
  }

  /** See the port. @throws {JobxError} also `FS_RECORD_TOO_LARGE`, `FS_STOPPED`. */
  async add(records: readonly Pair[]): Promise<void> {
    await this.#turn.add(() => this.#sort.add(records));
  }

  async finish(): Promise<readonly Dataset[]> {
    this.#turn.finish();
    const { store, output } = this.#options;
    const writer = new DatasetWriter({ ...output, store, order: "key" });
    try {
      await this.#write(writer);
      return await writer.finish();
    } catch (error) {
      await writer.discard();
      throw error;
    } finally {
      await this.#sort.remove();
    }
  }

  async discard(): Promise<void> {
    if (this.#turn.discard()) await this.#sort.remove();
  }

  async #write(writer: DatasetWriter): Promise<void> {
    const pairs = await this.#sort.open();
    for (let top = pairs.top; top !== undefined; top = pairs.top) {
      while (!writer.ready(top.cursor, top.partition)) {
        checkStopped(this.#options.signal);
        await writer.flush(top.partition);
      }
      writer.append(top.cursor);
      if (pairs.step()) continue;
      checkStopped(this.#options.signal);
      await pairs.refill();
    }
  }
}

/** Keeps the order in which pairs come. */
export class YieldedSink implements PairSink {
  readonly #writer: DatasetWriter;
  readonly #signal: AbortSignal | undefined;
  readonly #turn = new Turn();

  constructor(
    output: Omit<DatasetWriterOptions, "order" | "parts">,
    signal: AbortSignal | undefined,
  ) {
    this.#writer = new DatasetWriter({ ...output, order: "yield", parts: 1 });
    this.#signal = signal;
  }

  /** See the port. @throws {JobxError} also `FS_RECORD_TOO_LARGE`, `FS_STOPPED`. */
  async add(records: readonly Pair[]): Promise<void> {
    await this.#turn.add(async () => {
      for (const record of records) checkSize(record);
      const cursor = new RecordCursor(encodePairs(records));
      while (cursor.next()) {
        if (!this.#writer.ready(cursor, 0)) {
          checkStopped(this.#signal);
          await this.#writer.flush(0);
        }
        this.#writer.append(cursor);
      }
    });
  }

  async finish(): Promise<readonly Dataset[]> {
    // Before the end: one that was stopped is still to be discarded, which waits for its writes.
    checkStopped(this.#signal);
    this.#turn.finish();
    return this.#writer.finish();
  }

  async discard(): Promise<void> {
    if (this.#turn.discard()) await this.#writer.discard();
  }
}
