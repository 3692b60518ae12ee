/**
 * Pairs in memory, encoded, that can be gone through in the order of (part, key, arrival). They lie
 * in a few large arrays, because a million small objects would take ten times the room.
 */
import { assert } from "../std/assert.ts";
import { readUint32, readVarint, varintLength } from "../std/bytes.ts";
import { type Pair, RecordCursor, recordLength, writeRecord } from "../wire/pairs.ts";
import { mergeSort } from "./merge-sort.ts";
import { partitionOf } from "./partition.ts";

/** An address is the number of a chunk and a place below this, so that it fits into 32 bits. */
const CHUNK_BYTES = 1024 * 1024;
const CHUNKS_MAX = 2 ** 32 / CHUNK_BYTES;
/** Most sorts are of a few pairs: they should not pay for a large chunk. */
const FIRST_CHUNK_BYTES = 64 * 1024;
/** Address, two halves of the start of its key, and two places in the order. */
const INDEX_BYTES_PER_RECORD = 20;

/** Bounded memory for sorting; used again after `clear`. */
export class SortBuffer {
  readonly #memoryBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #addresses = new Uint32Array(1024);
  #count = 0;
  #bytes = 0;
  #chunk = 0;
  #place = 0;

  constructor(options: { readonly memoryBytes: number }) {
    this.#memoryBytes = options.memoryBytes;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether the pairs and what sorting them needs take the memory that was given. */
  get full(): boolean {
    const chunksMax = this.#chunk >= CHUNKS_MAX - 2;
    const taken = this.#bytes + INDEX_BYTES_PER_RECORD * this.#count;
    return taken >= this.#memoryBytes || chunksMax;
  }

  /** Copies a pair. A pair larger than all the memory is taken too: then the buffer is full. */
  add(pair: Pair): void {
    const length = recordLength(pair);
    const chunk = this.#chunkFor(length);
    if (this.#count === this.#addresses.length) this.#growIndex();
    this.#addresses[this.#count++] = this.#chunk * CHUNK_BYTES + this.#place;
    this.#place = writeRecord(chunk, this.#place, pair);
    this.#bytes += length;
  }

  /** Forgets the pairs; ordinary chunks are kept for the next ones. */
  clear(): void {
    const large = this.#chunks.findIndex((chunk) => chunk.length > CHUNK_BYTES);
    if (large >= 0) this.#chunks.length = large;
    this.#count = 0;
    this.#bytes = 0;
    this.#chunk = 0;
    this.#place = 0;
  }

  /** Forgets the pairs and gives the memory back. */
  release(): void {
    this.clear();
    this.#chunks.length = 0;
    this.#addresses = new Uint32Array(1024);
  }

  /** The pairs in order, cut by the hash of their keys. Nothing may be added until it is done. */
  sorted(parts: number): SortedRecords {
    const keys = new KeyIndex({
      chunks: this.#chunks,
      addresses: this.#addresses.subarray(0, this.#count),
    });
    const order = mergeSort(this.#count, (left, right) => keys.compare(left, right));
    return parts === 1
      ? new SortedRecords({ keys, order, partEnds: undefined })
      : new SortedRecords({ keys, ...byPart({ keys, order, parts }) });
  }

  #chunkFor(length: number): Uint8Array {
    const current = this.#chunks[this.#chunk];
    if (current !== undefined && this.#place + length <= current.length) return current;
    if (current !== undefined) this.#chunk++;
    this.#place = 0;
    assert(this.#chunk < CHUNKS_MAX, "a full buffer is not added to");
    const next = this.#chunks[this.#chunk];
    if (next !== undefined && next.length >= length) return next;
    const usual = this.#chunk === 0 ? FIRST_CHUNK_BYTES : CHUNK_BYTES;
    const made = new Uint8Array(Math.max(usual, length));
    this.#chunks[this.#chunk] = made;
    return made;
  }

  #growIndex(): void {
    const grown = new Uint32Array(2 * this.#addresses.length);
    grown.set(this.#addresses);
    this.#addresses = grown;
  }
}

/** Compares keys by their first eight bytes, which lie side by side, before it looks at the rest. */
class KeyIndex {
  readonly cursors: readonly RecordCursor[];
  readonly #chunks: readonly Uint8Array[];
  readonly #addresses: Uint32Array;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;

  constructor(options: {
    readonly chunks: readonly Uint8Array[];
    readonly addresses: Uint32Array;
  }) {
    this.#chunks = options.chunks;
    this.#addresses = options.addresses;
    this.cursors = options.chunks.map((chunk) => new RecordCursor(chunk));
    const count = options.addresses.length;
    this.#high = new Uint32Array(count);
    this.#low = new Uint32Array(count);
    for (let index = 0; index < count; index++) this.#fill(index);
  }

  compare(left: number, right: number): number {
    const high = (this.#high[left] ?? 0) - (this.#high[right] ?? 0);
    if (high !== 0) return high;
    const low = (this.#low[left] ?? 0) - (this.#low[right] ?? 0);
    return low !== 0 ? low : this.#compareWhole(left, right);
  }

  /** The record's cursor, moved there. Valid until the next call. */
  cursorAt(index: number): RecordCursor {
    const address = this.#addresses[index] ?? 0;
    const cursor = this.cursors[Math.floor(address / CHUNK_BYTES)];
    assert(cursor !== undefined, "an address lies in a chunk");
    cursor.moveTo(address % CHUNK_BYTES);
    cursor.next();
    return cursor;
  }

  #fill(index: number): void {
    const { bytes, start, length } = this.#keyOf(index);
    if (length >= 8) {
      this.#high[index] = readUint32(bytes, start);
      this.#low[index] = readUint32(bytes, start + 4);
      return;
    }
    const padded = new Uint8Array(8);
    for (let at = 0; at < length; at++) padded[at] = bytes[start + at] ?? 0;
    this.#high[index] = readUint32(padded, 0);
    this.#low[index] = readUint32(padded, 4);
  }

  /** Where the first eight bytes are alike, zeros beyond the end included. */
  #compareWhole(left: number, right: number): number {
    const one = this.#keyOf(left);
    const two = this.#keyOf(right);
    const shared = Math.min(one.length, two.length);
    for (let at = 8; at < shared; at++) {
      const difference = (one.bytes[one.start + at] ?? 0) - (two.bytes[two.start + at] ?? 0);
      if (difference !== 0) return difference;
    }
    return one.length - two.length;
  }

  #keyOf(index: number): {
    readonly bytes: Uint8Array;
    readonly start: number;
    readonly length: number;
  } {
    const address = this.#addresses[index] ?? 0;
    const bytes = this.#chunks[Math.floor(address / CHUNK_BYTES)];
    assert(bytes !== undefined, "an address lies in a chunk");
    const place = address % CHUNK_BYTES;
    const length = readVarint(bytes, place);
    return { bytes, start: place + varintLength(length), length };
  }
}

/** Goes through sorted pairs once. */
export class SortedRecords {
  /** Part of the pair that `next` gave. */
  partition = 0;
  readonly #keys: KeyIndex;
  readonly #order: Uint32Array;
  readonly #partEnds: Uint32Array | undefined;
  #at = 0;

  constructor(options: {
    readonly keys: KeyIndex;
    readonly order: Uint32Array;
    /** For each part the place in the order where it ends; undefined for one part. */
    readonly partEnds: Uint32Array | undefined;
  }) {
    this.#keys = options.keys;
    this.#order = options.order;
    this.#partEnds = options.partEnds;
  }

  /** A cursor at the next pair, valid until the next call; undefined at the end. */
  next(): RecordCursor | undefined {
    if (this.#at === this.#order.length) return undefined;
    if (this.#partEnds !== undefined) {
      while (this.#at >= (this.#partEnds[this.partition] ?? this.#order.length)) this.partition++;
    }
    return this.#keys.cursorAt(this.#order[this.#at++] ?? 0);
  }
}

/** Stable by part, so that each part stays in the order of keys. One hash for each distinct key. */
function byPart(options: {
  readonly keys: KeyIndex;
  readonly order: Uint32Array;
  readonly parts: number;
}): { readonly order: Uint32Array; readonly partEnds: Uint32Array } {
  const { keys, order, parts } = options;
  const partOf = new Uint16Array(order.length);
  const partEnds = new Uint32Array(parts);
  let part = 0;
  for (let at = 0; at < order.length; at++) {
    const index = order[at] ?? 0;
    if (at === 0 || keys.compare(order[at - 1] ?? 0, index) !== 0) {
      part = partitionOf(keys.cursorAt(index).key(), parts);
    }
    partOf[at] = part;
    partEnds[part] = (partEnds[part] ?? 0) + 1;
  }
  // Counts become starts, and placing the pairs turns starts into ends.
  let start = 0;
  for (let index = 0; index < parts; index++) {
    const count = partEnds[index] ?? 0;
    partEnds[index] = start;
    start += count;
  }
  const placed = new Uint32Array(order.length);
  for (let at = 0; at < order.length; at++) {
    const target = partOf[at] ?? 0;
    const place = partEnds[target] ?? 0;
    placed[place] = order[at] ?? 0;
    partEnds[target] = place + 1;
  }
  return { order: placed, partEnds };
}
