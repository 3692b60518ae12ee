/**
 * The rows of the `state/` database as its callers see them: what was written is seen at once,
 * though it reaches the disk later (T4 of state-store.ts).
 */
import { type CachedRow, RowCache } from "./row-cache.ts";

/** Reads rows from disk, in the order of the keys. */
export type RowFetch = (keys: readonly string[]) => Promise<readonly (Uint8Array | undefined)[]>;

export class RowView {
  readonly #cache: RowCache;
  readonly #fetch: RowFetch;
  /** Rows of writes that have not ended, whatever the cache forgets meanwhile. */
  readonly #held = new Map<string, { row: CachedRow; writes: number }>();
  /** Per read under way, the keys that were written meanwhile: the disk's answer for them is old. */
  readonly #reads = new Set<Set<string>>();

  constructor(cacheBytes: number, fetch: RowFetch) {
    this.#cache = new RowCache(cacheBytes);
    this.#fetch = fetch;
  }

  /** The row, if it is known without asking the disk. */
  known(key: string): CachedRow | undefined {
    return this.#cache.get(key) ?? this.#held.get(key)?.row;
  }

  /** A write was called: from now on the row is `row`. Each call has its `release`. */
  hold(key: string, row: CachedRow): void {
    for (const read of this.#reads) read.add(key);
    this.#cache.set(key, row);
    const held = this.#held.get(key);
    if (held === undefined) this.#held.set(key, { row, writes: 1 });
    else {
      held.row = row;
      held.writes += 1;
    }
  }

  /** A write of the row has ended. */
  release(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    held.writes -= 1;
    if (held.writes === 0) this.#held.delete(key);
  }

  /** Values in the order of the keys, each as of this call or later. */
  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    const rows = keys.map((key) => this.known(key));
    const unknown = keys.filter((_, at) => rows[at] === undefined);
    if (unknown.length === 0) return rows.map((row) => row?.value);
    const written = new Set<string>();
    this.#reads.add(written);
    try {
      const values = await this.#fetch(unknown);
      const found = new Map<string, Uint8Array | undefined>();
      for (const [at, key] of unknown.entries()) {
        const late = written.has(key) ? this.known(key) : undefined;
        if (late !== undefined) {
          found.set(key, late.value);
          continue;
        }
        const value = values[at];
        found.set(key, value);
        // A write that came and was forgotten again meanwhile: the answer is old but was true once.
        if (!written.has(key)) this.#cache.set(key, { value, hash: undefined });
      }
      return keys.map((key, at) => {
        const row = rows[at];
        return row === undefined ? found.get(key) : row.value;
      });
    } finally {
      this.#reads.delete(written);
    }
  }
}
