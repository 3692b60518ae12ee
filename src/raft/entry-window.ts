import { assert } from "../std/assert.ts";
import { type Entry, entryBytes } from "./types.ts";

/**
 * Dropped positions at the front are removed from the array only when there are this many and they
 * are at least half of it, so that dropping costs constant time per entry.
 */
const DROPPED_MIN = 256;

/** Stands at positions that were dropped, so that what was there is not kept alive: it may be 1 MiB each. */
const DROPPED: Entry = { kind: "empty", index: 0, term: 0 };

/**
 * The part of the log that is in memory: consecutive entries, grown at the end, cut at the end by
 * conflicts and dropped at the front by bytes. Nothing here depends on how long the log is.
 */
export class EntryWindow {
  #entries: Entry[] = [];
  /** Position of the first live entry; what is before it has been dropped. */
  #head = 0;
  #firstIndex: number;
  #bytes = 0;

  /** @param firstIndex the index that the next entry will have. */
  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex;
  }

  /** Index of the first entry in memory; one above `lastIndex` when there is none. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  get lastIndex(): number {
    return this.#firstIndex + this.#entries.length - this.#head - 1;
  }

  /** What the entries count, by `entryBytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The entry at `index`, which must be in memory. */
  at(index: number): Entry {
    const entry = this.#entries[this.#head + index - this.#firstIndex];
    assert(index >= this.#firstIndex && entry !== undefined, `entry ${index} is not in memory`);
    return entry;
  }

  /** Adds the entry that follows `lastIndex`. */
  push(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, `entry ${entry.index} does not follow the log`);
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
  }

  /** Forgets `index` and everything after it. */
  truncateFrom(index: number): void {
    while (this.lastIndex >= index && this.lastIndex >= this.#firstIndex) {
      this.#bytes -= entryBytes(this.at(this.lastIndex));
      this.#entries.pop();
    }
    // What is cut may lie before the window, which is then empty and moves there.
    if (this.#firstIndex > index) this.#firstIndex = index;
  }

  /** Drops entries from the front while `mayDrop` says so, up to and including `limitIndex`. */
  dropWhile(limitIndex: number, mayDrop: (bytes: number) => boolean): void {
    while (
      this.#firstIndex <= limitIndex &&
      this.#firstIndex <= this.lastIndex &&
      mayDrop(this.#bytes)
    ) {
      this.#bytes -= entryBytes(this.at(this.#firstIndex));
      this.#entries[this.#head] = DROPPED;
      this.#head += 1;
      this.#firstIndex += 1;
    }
    if (this.#head >= DROPPED_MIN && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Starts over: the next entry will have `firstIndex`. */
  reset(firstIndex: number): void {
    this.#entries = [];
    this.#head = 0;
    this.#firstIndex = firstIndex;
    this.#bytes = 0;
  }

  /** Entries from `first` to `last`, all in memory. */
  slice(first: number, last: number): readonly Entry[] {
    assert(first >= this.#firstIndex && last <= this.lastIndex, "entries are not in memory");
    const from = this.#head + first - this.#firstIndex;
    return this.#entries.slice(from, from + last - first + 1);
  }

  /**
   * The last index such that the entries from `first` to it, and not beyond `limitIndex`, count at
   * most `bytesMax`; at least `first` itself, so that a large entry passes too.
   */
  lastWithin(
    first: number,
    limits: { readonly limitIndex: number; readonly bytesMax: number },
  ): {
    readonly lastIndex: number;
    readonly bytes: number;
  } {
    let lastIndex = first;
    let bytes = entryBytes(this.at(first));
    while (lastIndex < limits.limitIndex) {
      const more = entryBytes(this.at(lastIndex + 1));
      if (bytes + more > limits.bytesMax) break;
      bytes += more;
      lastIndex += 1;
    }
    return { lastIndex, bytes };
  }
}
