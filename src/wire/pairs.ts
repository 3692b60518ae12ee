/**
 * Pairs as bytes, one after the other: varint length of the key, key, varint length of the value,
 * value. Inline pieces, data blocks and temporary runs all hold this format.
 */
import { readVarint, varintLength, writeVarint } from "../std/bytes.ts";
import { JobxError } from "../std/errors.ts";

/** Bytes that are no pairs; `at` is the place of the first pair that cannot be read. */
export type PairsErrorDetails = { readonly code: "PAIRS_MALFORMED"; readonly at: number };

/**
 * Largest encoded pair, bytes. A reader holds one pair in memory whole, a merge one for each of its
 * inputs; what is larger belongs into a file, not into a pair.
 */
export const RECORD_BYTES_MAX = 64 * 1024 * 1024;

/** A key's canonical bytes and a value's bytes. */
export interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Length of a pair's encoding, bytes. */
export function recordLength(pair: Pair): number {
  const { key, value } = pair;
  return varintLength(key.length) + key.length + varintLength(value.length) + value.length;
}

/** Writes a pair at `at`, where `recordLength` bytes are free, and returns the place after it. */
export function writeRecord(target: Uint8Array, at: number, pair: Pair): number {
  const keyAt = writeVarint(target, at, pair.key.length);
  copyInto(target, keyAt, pair.key);
  const valueAt = writeVarint(target, keyAt + pair.key.length, pair.value.length);
  copyInto(target, valueAt, pair.value);
  return valueAt + pair.value.length;
}

/** All pairs in one array. */
export function encodePairs(pairs: readonly Pair[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pairs.reduce((sum, pair) => sum + recordLength(pair), 0));
  let at = 0;
  for (const pair of pairs) at = writeRecord(bytes, at, pair);
  return bytes;
}

/**
 * All pairs of an array that holds nothing else. Keys and values are views of `bytes`.
 * @throws {JobxError} `PAIRS_MALFORMED` when the bytes are not whole pairs.
 */
export function decodePairs(bytes: Uint8Array): Pair[] {
  const cursor = new RecordCursor(bytes);
  const pairs: Pair[] = [];
  while (cursor.next()) pairs.push({ key: cursor.key(), value: cursor.value() });
  return pairs;
}

/**
 * Walks over encoded pairs without making an object for each. The places are indexes into `bytes`
 * and hold after `next` said true.
 */
export class RecordCursor {
  readonly bytes: Uint8Array;
  recordStart: number;
  keyStart: number;
  keyEnd: number;
  valueStart: number;
  /** End of the value, and where the next pair begins. */
  recordEnd: number;
  /** How many pairs `next` has gone to. */
  passed = 0;
  #previousKeyStart: number;
  #previousKeyEnd: number;
  readonly #end: number;

  /** Stands before the first pair of `range`, or of all bytes. */
  constructor(bytes: Uint8Array, range?: { readonly start: number; readonly end: number }) {
    this.bytes = bytes;
    const start = range?.start ?? 0;
    this.recordStart = start;
    this.keyStart = start;
    this.keyEnd = start;
    this.valueStart = start;
    this.recordEnd = start;
    this.#previousKeyStart = start;
    this.#previousKeyEnd = start;
    this.#end = range?.end ?? bytes.length;
  }

  /**
   * Goes to the next pair; false when there is none.
   * @throws {JobxError} `PAIRS_MALFORMED` when the bytes there are not a whole pair.
   */
  next(): boolean {
    const start = this.recordEnd;
    if (start === this.#end) return false;
    const keyLength = this.#lengthAt(start);
    const keyStart = start + varintLength(keyLength);
    const keyEnd = keyStart + keyLength;
    const valueLength = this.#lengthAt(keyEnd);
    const valueStart = keyEnd + varintLength(valueLength);
    const end = valueStart + valueLength;
    if (end > this.#end || end - start > RECORD_BYTES_MAX) throw malformed(start);
    this.passed++;
    this.#previousKeyStart = this.keyStart;
    this.#previousKeyEnd = this.keyEnd;
    this.recordStart = start;
    this.keyStart = keyStart;
    this.keyEnd = keyEnd;
    this.valueStart = valueStart;
    this.recordEnd = end;
    return true;
  }

  /** Makes the next call of `next` go to the pair that begins at `at`. */
  moveTo(at: number): void {
    this.recordEnd = at;
  }

  /** Order of the key here and the key at another cursor: negative, zero or positive. */
  compareKey(other: RecordCursor): number {
    const { bytes, keyStart, keyEnd } = this;
    const otherBytes = other.bytes;
    let at = other.keyStart;
    const end = Math.min(keyEnd, keyStart + (other.keyEnd - at));
    for (let place = keyStart; place < end; place++) {
      const difference = (bytes[place] ?? 0) - (otherBytes[at++] ?? 0);
      if (difference !== 0) return difference;
    }
    return keyEnd - keyStart - (other.keyEnd - other.keyStart);
  }

  /** Whether the key here has these bytes. */
  keyEquals(key: Uint8Array): boolean {
    const { bytes, keyStart } = this;
    if (this.keyEnd - keyStart !== key.length) return false;
    for (let at = 0; at < key.length; at++) {
      if (bytes[keyStart + at] !== key[at]) return false;
    }
    return true;
  }

  /** Whether the key here does not sort before the one that the cursor left; true at the first. */
  inOrder(): boolean {
    const { bytes, keyStart, keyEnd } = this;
    let at = this.#previousKeyStart;
    const length = this.#previousKeyEnd - at;
    const end = Math.min(keyEnd, keyStart + length);
    for (let place = keyStart; place < end; place++) {
      const difference = (bytes[place] ?? 0) - (bytes[at++] ?? 0);
      if (difference !== 0) return difference > 0;
    }
    return keyEnd - keyStart >= length;
  }

  /** The key at the cursor, as a view of `bytes`. */
  key(): Uint8Array {
    return this.#view(this.keyStart, this.keyEnd);
  }

  /** The value at the cursor, as a view of `bytes`. */
  value(): Uint8Array {
    return this.#view(this.valueStart, this.recordEnd);
  }

  /** Copies the whole encoded pair to `at` in `target`, where it has room. */
  copyTo(target: Uint8Array, at: number): void {
    const { bytes, recordStart, recordEnd } = this;
    if (recordEnd - recordStart > COPY_LOOP_MAX) {
      target.set(this.#view(recordStart, recordEnd), at);
    } else {
      let place = at;
      for (let from = recordStart; from < recordEnd; from++) target[place++] = bytes[from] ?? 0;
    }
  }

  #lengthAt(at: number): number {
    // Nearly all lengths are one byte, and this is the innermost loop of every merge.
    const byte = at < this.#end ? (this.bytes[at] ?? 0x80) : 0x80;
    const length = byte < 0x80 ? byte : readVarint(this.bytes, at, this.#end);
    if (length < 0) throw malformed(this.recordEnd);
    return length;
  }

  /** A plain array even where `bytes` is a Buffer, whose `slice` would mean something else. */
  #view(start: number, end: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + start, end - start);
  }
}

/** Up to here a loop copies faster than a call that has to make a view first, measured in bytes. */
const COPY_LOOP_MAX = 64;

function copyInto(target: Uint8Array, at: number, source: Uint8Array): void {
  if (source.length > COPY_LOOP_MAX) {
    target.set(source, at);
  } else {
    for (let from = 0; from < source.length; from++) target[at + from] = source[from] ?? 0;
  }
}

function malformed(at: number): JobxError<PairsErrorDetails> {
  return new JobxError({ code: "PAIRS_MALFORMED", at }, `no whole pair at byte ${at}`);
}
