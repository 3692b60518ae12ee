/** An ordered key-value database in LevelDB. What it does not promise is handled above (R3). */
import type { ClassicLevel } from "classic-level";
import { assert } from "../std/assert.ts";
import { closedError } from "./errors.ts";
import { translate } from "./level-errors.ts";
import type {
  DatabaseName,
  KvOperation,
  KvReader,
  KvRow,
  KvSnapshot,
  OrderedKv,
  Page,
  ScanRange,
} from "./ports.ts";

/** The database as it is used here: latin1 keys, plain bytes as values. */
export type LevelDatabase = ClassicLevel<string, Uint8Array>;

type LevelSnapshot = ReturnType<LevelDatabase["snapshot"]>;

/** Maps key strings to bytes one to one; see `KvKey`. */
export const LATIN1_KEYS = {
  name: "jobx-latin1",
  format: "buffer",
  encode: (key: string): Buffer => Buffer.from(key, "latin1"),
  decode: (bytes: Uint8Array): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"),
} as const;

/** Sorts before every key of ours, so a compaction of it alone moves nothing but the memtable. */
const BEFORE_ALL_KEYS = "\u0000";

class LevelReader implements KvReader {
  readonly #name: DatabaseName;
  readonly #level: LevelDatabase;
  readonly #snapshot: LevelSnapshot | undefined;

  constructor(name: DatabaseName, level: LevelDatabase, snapshot?: LevelSnapshot) {
    this.#name = name;
    this.#level = level;
    this.#snapshot = snapshot;
  }

  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#assertOpen();
    try {
      const options = this.#snapshot === undefined ? {} : { snapshot: this.#snapshot };
      return await this.#level.getMany([...keys], options);
    } catch (error) {
      throw translate(this.#name, error);
    }
  }

  async scan(range: ScanRange): Promise<Page> {
    assert(range.limit >= 1 && range.bytesMax >= 1, "a page holds at least one row");
    this.#assertOpen();
    try {
      const iterator = this.#level.iterator({
        gte: range.gte,
        lt: range.lt,
        reverse: range.reverse === true,
        limit: range.limit,
        highWaterMarkBytes: Math.min(range.bytesMax, 2 ** 31 - 1),
        ...(this.#snapshot === undefined ? {} : { snapshot: this.#snapshot }),
      });
      try {
        const rows: KvRow[] = [];
        let bytes = 0;
        for (;;) {
          const chunk = await iterator.nextv(range.limit - rows.length);
          if (chunk.length === 0) return { rows, more: rows.length === range.limit };
          for (const [key, value] of chunk) {
            rows.push({ key, value });
            bytes += value.length;
            if (bytes >= range.bytesMax || rows.length === range.limit) return { rows, more: true };
          }
        }
      } finally {
        await iterator.close();
      }
    } catch (error) {
      throw translate(this.#name, error);
    }
  }

  // LevelDB defers calls while it opens; after that, the code of a closed snapshot varies.
  #assertOpen(): void {
    if (this.#level.status !== "open") throw closedError(`the ${this.#name} database`);
  }
}

/** An open LevelDB database as an `OrderedKv`. */
export class LevelKv implements OrderedKv {
  readonly #name: DatabaseName;
  readonly #level: LevelDatabase;
  readonly #reader: LevelReader;
  readonly #sync: boolean;

  /** @param level is open. `sync` false: no write is ever synced. */
  constructor(name: DatabaseName, level: LevelDatabase, options: { readonly sync: boolean }) {
    this.#name = name;
    this.#level = level;
    this.#sync = options.sync;
    this.#reader = new LevelReader(name, level);
  }

  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#reader.getMany(keys);
  }

  scan(range: ScanRange): Promise<Page> {
    return this.#reader.scan(range);
  }

  async write(
    operations: readonly KvOperation[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    if (this.#level.status !== "open") throw closedError(`the ${this.#name} database`);
    try {
      // A chained batch is filled without an array of option objects in between.
      const batch = this.#level.batch();
      try {
        for (const operation of operations) {
          if (operation.kind === "put") batch.put(operation.key, operation.value);
          else batch.del(operation.key);
        }
        await batch.write({ sync: options.sync && this.#sync });
      } finally {
        await batch.close();
      }
    } catch (error) {
      throw translate(this.#name, error);
    }
  }

  snapshot(): KvSnapshot {
    if (this.#level.status !== "open") throw closedError(`the ${this.#name} database`);
    const snapshot = this.#level.snapshot();
    const reader = new LevelReader(this.#name, this.#level, snapshot);
    let closed = false;
    return {
      getMany: async (keys) => {
        if (closed) throw closedError("the snapshot");
        return reader.getMany(keys);
      },
      scan: async (range) => {
        if (closed) throw closedError("the snapshot");
        return reader.scan(range);
      },
      close: async () => {
        closed = true;
        await snapshot.close();
      },
    };
  }

  /**
   * LevelDB has no call to flush. Its manual compaction begins by rotating the memtable and waits
   * until that is a table, whatever the range; a range without keys makes it do only that.
   */
  async flush(): Promise<void> {
    if (this.#level.status !== "open") throw closedError(`the ${this.#name} database`);
    try {
      await this.#level.compactRange(BEFORE_ALL_KEYS, BEFORE_ALL_KEYS);
    } catch (error) {
      throw translate(this.#name, error);
    }
  }

  async close(): Promise<void> {
    await this.#level.close();
  }
}
