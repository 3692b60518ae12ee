/** The two ways in which pairs come in: to be sorted, or to be kept as they come. */
import type { PairSink } from "../handlers/ports.ts";
import { assert } from "../std/assert.ts";
import type { Dataset } from "../wire/dataset.ts";
import {
  encodePairs,
  type Pair,
  RECORD_BYTES_MAX,
  RecordCursor,
  recordLength,
} from "../wire/pairs.ts";
import { DatasetWriter, type DatasetWriterOptions } from "./dataset-writer.ts";
import { checkStopped, FsError } from "./errors.ts";
import { MergeTree, type MergeTreeOptions, spillPart } from "./merge-tree.ts";
import { PARTS_MAX } from "./partition.ts";
import { SortBuffer } from "./sort-buffer.ts";
import { SpillWriter } from "./spill.ts";

/** What a sorting sink needs. */
export interface SortedSinkOptions extends MergeTreeOptions {
  readonly output: Omit<DatasetWriterOptions, "order" | "store">;
}

/** Calls come one after the other: a mistake of the caller is an assertion. */
class Turn {
  /** "failed": what was added is not complete, so that only `discard` may follow. */
  #state: "open" | "busy" | "failed" | "over" = "open";

  async add(run: () => Promise<void>): Promise<void> {
    assert(this.#state === "open", "a sink takes one call at a time, and none after its end");
    this.#state = "busy";
    try {
      await run();
      this.#state = "open";
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  async finish<Result>(run: () => Promise<Result>): Promise<Result> {
    assert(this.#state === "open", "a sink is finished once, and only when it has all pairs");
    this.#state = "over";
    return run();
  }

  async discard(run: () => Promise<void>): Promise<void> {
    assert(this.#state !== "busy", "a sink is discarded when no call is under way");
    if (this.#state === "over") return;
    this.#state = "over";
    await run();
  }
}

/** Sorts by key within bounded memory, spilling sorted temporary runs, and cuts into parts. */
export class SortedSink implements PairSink {
  readonly #options: SortedSinkOptions;
  readonly #buffer: SortBuffer;
  readonly #tree: MergeTree;
  readonly #turn = new Turn();
  #spilled = false;

  constructor(options: SortedSinkOptions) {
    const { parts } = options.output;
    assert(Number.isInteger(parts) && parts > 0 && parts <= PARTS_MAX, "parts within bounds");
    this.#options = options;
    this.#buffer = new SortBuffer({ memoryBytes: options.memoryBytes });
    this.#tree = new MergeTree(options);
  }

  /** See the port. @throws {JobxError} also `FS_RECORD_TOO_LARGE`, `FS_STOPPED`. */
  async add(records: readonly Pair[]): Promise<void> {
    await this.#turn.add(async () => {
      checkStopped(this.#options.signal);
      for (const record of records) {
        checkSize(record);
        this.#buffer.add(record);
        if (this.#buffer.full) await this.#spill();
      }
    });
  }

  async finish(): Promise<readonly Dataset[]> {
    const { store, output, signal } = this.#options;
    return this.#turn.finish(async () => {
      const writer = new DatasetWriter({ ...output, store, order: "key" });
      try {
        checkStopped(signal);
        await (this.#spilled ? this.#merge(writer) : this.#direct(writer));
        return await writer.finish();
      } catch (error) {
        await writer.discard();
        throw error;
      } finally {
        this.#buffer.release();
        await this.#tree.remove();
      }
    });
  }

  async discard(): Promise<void> {
    await this.#turn.discard(async () => {
      this.#buffer.release();
      await this.#tree.remove();
    });
  }

  async #direct(writer: DatasetWriter): Promise<void> {
    const records = this.#buffer.sorted(this.#options.output.parts);
    for (let cursor = records.next(); cursor !== undefined; cursor = records.next()) {
      while (!writer.ready(cursor, records.partition)) {
        checkStopped(this.#options.signal);
        await writer.flush(records.partition);
      }
      writer.append(cursor);
    }
  }

  async #merge(writer: DatasetWriter): Promise<void> {
    if (this.#buffer.count > 0) await this.#spill();
    this.#buffer.release();
    const merge = await this.#tree.open();
    for (let top = merge.top; top !== undefined; top = merge.top) {
      while (!writer.ready(top.cursor, top.partition)) await writer.flush(top.partition);
      writer.append(top.cursor);
      if (merge.step()) continue;
      checkStopped(this.#options.signal);
      await merge.refill();
    }
  }

  async #spill(): Promise<void> {
    checkStopped(this.#options.signal);
    const writer = await SpillWriter.create(this.#options.store.temporaryPath());
    try {
      const records = this.#buffer.sorted(this.#options.output.parts);
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
    return this.#turn.finish(async () => {
      checkStopped(this.#signal);
      return this.#writer.finish();
    });
  }

  async discard(): Promise<void> {
    await this.#turn.discard(() => this.#writer.discard());
  }
}

function checkSize(record: Pair): void {
  const bytes = recordLength(record);
  if (bytes <= RECORD_BYTES_MAX) return;
  throw new FsError(
    { code: "FS_RECORD_TOO_LARGE", bytes, bytesMax: RECORD_BYTES_MAX },
    "a pair is larger than a pair may be",
  );
}
