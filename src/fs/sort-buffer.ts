/**
 * Pairs in memory, encoded, that can be gone through in the order of (part, key, arrival). They lie
 * in a few large arrays, because a million small objects would take ten times the room.
 */
import { assert } from "../std/assert.ts";
import { varintLength } from "../std/bytes.ts";
import { type Pair, RecordCursor, recordLength, writeRecord } from "../wire/pairs.ts";
import { mergeSort } from "./merge-sort.ts";
import { partitionOf } from "./partition.ts";
import { radixOrder } from "./radix-sort.ts";

/** An address is the number of a chunk and a place below this, so that it fits into 32 bits. */
const CHUNK_BITS = 20;
const CHUNK_BYTES = 2 ** CHUNK_BITS;
const CHUNKS_MAX = 2 ** 32 / CHUNK_BYTES;
/** Most sorts are of a few pairs: they should not pay for a large chunk. */
const FIRST_CHUNK_BYTES = 64 * 1024;
/** Pairs that an empty buffer has places for. */
const INDEX_LENGTH_MIN = 256;
/** Address, length and two halves of the start of its key, and two places in the order. */
const INDEX_BYTES_PER_RECORD = 24;

/** Bounded memory for sorting; used again after `clear`. */
export class SortBuffer {
  readonly #memoryBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #addresses = new Uint32Array(INDEX_LENGTH_MIN);
  #keyLengths = new Uint32Array(INDEX_LENGTH_MIN);
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
    this.#addresses[this.#count] = this.#chunk * CHUNK_BYTES + this.#place;
    this.#keyLengths[this.#count] = pair.key.length;
    this.#count++;
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
    this.#addresses = new Uint32Array(INDEX_LENGTH_MIN);
    this.#keyLengths = new Uint32Array(INDEX_LENGTH_MIN);
  }

  /** The pairs in order, cut by the hash of their keys. Nothing may be added until it is done. */
  sorted(parts: number): SortedRecords {
    const keys = new KeyIndex({
      chunks: this.#chunks,
      addresses: this.#addresses.subarray(0, this.#count),
      lengths: this.#keyLengths.subarray(0, this.#count),
    });
    const order = keys.sort();
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
    this.#addresses = doubled(this.#addresses);
    this.#keyLengths = doubled(this.#keyLengths);
  }
}

function doubled(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(2 * numbers.length);
  grown.set(numbers);
  return grown;
}

/**
 * Where the keys are. The eight bytes after the beginning that all keys share decide most
 * comparisons; they lie side by side, so that the pairs themselves are seldom looked at.
 */
class KeyIndex {
  readonly #cursors: readonly RecordCursor[];
  readonly #chunks: readonly Uint8Array[];
  readonly #addresses: Uint32Array;
  readonly #lengths: Uint32Array;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  /** Bytes that all keys begin with. */
  readonly #shared: number;

  constructor(options: {
    readonly chunks: readonly Uint8Array[];
    readonly addresses: Uint32Array;
    /** Lengths of the keys. */
    readonly lengths: Uint32Array;
  }) {
    this.#chunks = options.chunks;
    this.#addresses = options.addresses;
    this.#lengths = options.lengths;
    this.#cursors = options.chunks.map((chunk) => new RecordCursor(chunk));
    const count = options.addresses.length;
    this.#high = new Uint32Array(count);
    this.#low = new Uint32Array(count);
    this.#shared = this.#sharedBytes();
    for (let index = 0; index < count; index++) {
      const chunk = this.#chunkOf(index);
      const length = this.#lengths[index] ?? 0;
      const end = this.#keyPlace(index, length) + length;
      const start = end - length + this.#shared;
      this.#high[index] = fourBytes(chunk, start, end);
      this.#low[index] = fourBytes(chunk, start + 4, end);
    }
  }

  /** Places in the order of keys; equal keys in the order of arrival. */
  sort(): Uint32Array {
    const order = radixOrder({ high: this.#high, low: this.#low });
    for (let start = 0; start < order.length; ) {
      let end = start + 1;
      let inOrder = true;
      while (end < order.length && this.#sameStart(order[start] ?? 0, order[end] ?? 0)) {
        inOrder &&= this.#compareRest(order[end - 1] ?? 0, order[end] ?? 0) <= 0;
        end++;
      }
      if (!inOrder) this.#sortTies(order.subarray(start, end));
      start = end;
    }
    return order;
  }

  same(left: number, right: number): boolean {
    return this.#sameStart(left, right) && this.#compareRest(left, right) === 0;
  }

  /** The record's cursor, moved there. Valid until the next call. */
  cursorAt(index: number): RecordCursor {
    const address = this.#addresses[index] ?? 0;
    const cursor = this.#cursors[address >>> CHUNK_BITS];
    assert(cursor !== undefined, "an address lies in a chunk");
    cursor.moveTo(address & (CHUNK_BYTES - 1));
    cursor.next();
    return cursor;
  }

  /** How many bytes all keys share at their beginning. */
  #sharedBytes(): number {
    const count = this.#addresses.length;
    const first = count === 0 ? new Uint8Array(0) : this.cursorAt(0).key();
    let shared = first.length;
    for (let index = 1; index < count && shared > 0; index++) {
      const chunk = this.#chunkOf(index);
      const length = this.#lengths[index] ?? 0;
      const place = this.#keyPlace(index, length);
      const end = Math.min(shared, length);
      let at = 0;
      while (at < end && chunk[place + at] === first[at]) at++;
      shared = at;
    }
    return shared;
  }

  #sameStart(left: number, right: number): boolean {
    return this.#high[left] === this.#high[right] && this.#low[left] === this.#low[right];
  }

  /** Order of two keys whose starts are the same. */
  #compareRest(left: number, right: number): number {
    const from = this.#shared + 8;
    const leftLength = this.#lengths[left] ?? 0;
    const rightLength = this.#lengths[right] ?? 0;
    const end = Math.min(leftLength, rightLength);
    if (end > from) {
      const leftBytes = this.#chunkOf(left);
      const rightBytes = this.#chunkOf(right);
      const leftAt = this.#keyPlace(left, leftLength);
      const rightAt = this.#keyPlace(right, rightLength);
      for (let at = from; at < end; at++) {
        const difference = (leftBytes[leftAt + at] ?? 0) - (rightBytes[rightAt + at] ?? 0);
        if (difference !== 0) return difference;
      }
    }
    return leftLength - rightLength;
  }

  #chunkOf(index: number): Uint8Array {
    const chunk = this.#chunks[(this.#addresses[index] ?? 0) >>> CHUNK_BITS];
    assert(chunk !== undefined, "an address lies in a chunk");
    return chunk;
  }

  #keyPlace(index: number, length: number): number {
    return ((this.#addresses[index] ?? 0) & (CHUNK_BYTES - 1)) + varintLength(length);
  }

  #sortTies(order: Uint32Array): void {
    const before = order.slice();
    const sorted = mergeSort(before.length, (left, right) =>
      this.#compareRest(before[left] ?? 0, before[right] ?? 0),
    );
    for (let at = 0; at < order.length; at++) order[at] = before[sorted[at] ?? 0] ?? 0;
  }
}

/** The bytes of a key from `at` on as a number; zeros stand for what is beyond its end. */
function fourBytes(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let place = at; place < at + 4; place++) {
    word = (word << 8) | (place < end ? (bytes[place] ?? 0) : 0);
  }
  return word >>> 0;
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
    if (at === 0 || !keys.same(order[at - 1] ?? 0, index)) {
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
