/** Merging of sorted sources of pairs, one chunk of each in memory. */
import { assert } from "../std/assert.ts";
import type { Cid } from "../wire/dataset.ts";
import type { RecordCursor } from "../wire/pairs.ts";
import { FsError } from "./errors.ts";

/** Whole pairs of one part, in order. */
export interface Chunk {
  /** Before the first pair. */
  readonly cursor: RecordCursor;
  readonly partition: number;
}

/** A sorted stream of pairs; whoever has it reads it from one place and closes it. */
export interface ChunkSource {
  /** For errors: the run that is read, undefined for others. */
  readonly cid: Cid | undefined;
  /** The next pairs, in memory of their own that stays as it is; undefined at the end. */
  next(): Promise<Chunk | undefined>;
  close(): Promise<void>;
}

/** One source of a merge, standing at a pair. */
class MergeInput {
  cursor: RecordCursor;
  partition: number;
  /** Place among the sources: earlier ones go first when keys are equal. */
  readonly rank: number;
  readonly #source: ChunkSource;

  constructor(options: {
    readonly source: ChunkSource;
    readonly chunk: Chunk;
    readonly rank: number;
  }) {
    this.#source = options.source;
    this.rank = options.rank;
    this.cursor = options.chunk.cursor;
    this.partition = options.chunk.partition;
  }

  /** False when the chunk is used up. @throws {JobxError} `FS_RUN_NOT_SORTED`. */
  step(): boolean {
    if (!this.cursor.next()) return false;
    if (!this.cursor.inOrder()) throw this.#notSorted();
    return true;
  }

  /** False when the source is at its end. */
  async refill(): Promise<boolean> {
    const before = this.cursor;
    const chunk = await this.#source.next();
    if (chunk === undefined || !chunk.cursor.next()) return false;
    const sameKeys = chunk.partition === this.partition && before.passed > 0;
    if (sameKeys && before.compareKey(chunk.cursor) > 0) throw this.#notSorted();
    this.cursor = chunk.cursor;
    this.partition = chunk.partition;
    return true;
  }

  before(other: MergeInput): boolean {
    const part = this.partition - other.partition;
    if (part !== 0) return part < 0;
    const order = this.cursor.compareKey(other.cursor);
    return order !== 0 ? order < 0 : this.rank < other.rank;
  }

  #notSorted(): FsError {
    const cid = this.#source.cid;
    return new FsError({ code: "FS_RUN_NOT_SORTED", cid }, "pairs are not in the order of keys");
  }
}

/**
 * All pairs of its sources in the order of (part, key, source). Use: while `top` is there, use it,
 * then `step`, and await `refill` when that said false; in the end `close`.
 */
export class Merge {
  readonly #sources: readonly ChunkSource[];
  /** A binary heap: nobody comes before its parent. */
  readonly #heap: MergeInput[] = [];

  /** Takes over the sources: `close` closes them. */
  constructor(sources: readonly ChunkSource[]) {
    this.#sources = sources;
  }

  /** Reads the first chunks; to be awaited once, before all else. */
  async start(): Promise<void> {
    for (const [rank, source] of this.#sources.entries()) {
      const chunk = await source.next();
      if (chunk === undefined) continue;
      const input = new MergeInput({ source, chunk, rank });
      if (input.step() || (await input.refill())) this.#heap.push(input);
    }
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  /** Where the least pair is; undefined at the end. */
  get top(): { readonly cursor: RecordCursor; readonly partition: number } | undefined {
    return this.#heap[0];
  }

  /** Leaves the least pair. False when its source's next pair must be read: await `refill`. */
  step(): boolean {
    const top = this.#heap[0];
    assert(top !== undefined, "there is a pair to leave");
    if (!top.step()) return false;
    this.#sink(0);
    return true;
  }

  /** Reads on in the source that the last `step` used up. */
  async refill(): Promise<void> {
    const top = this.#heap[0];
    assert(top !== undefined, "there is a source to read from");
    if (!(await top.refill())) {
      const last = this.#heap.pop();
      if (last !== undefined && this.#heap.length > 0) this.#heap[0] = last;
    }
    this.#sink(0);
  }

  async close(): Promise<void> {
    for (const source of this.#sources) await source.close();
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const moving = heap[from];
    if (moving === undefined) return;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      let least = heap[child];
      const right = heap[child + 1];
      if (least === undefined) break;
      if (right?.before(least) === true) {
        least = right;
        child++;
      }
      if (!least.before(moving)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = moving;
  }
}
