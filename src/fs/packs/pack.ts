/** A pack in memory: what its index says, and how much of it is alive. Pure: files are in `pack-files.ts`. */
import { assert } from "../../std/assert.ts";
import { readUint32 } from "../../std/bytes.ts";
import { HASH_BYTES, type PackIndex, RECORD_HEADER_BYTES } from "./format.ts";

/** A pack that is known. */
export class Pack {
  readonly name: string;
  readonly index: PackIndex;
  /** Where the index begins in the file; undefined when it is not whole and the records were scanned. */
  readonly indexAt: number | undefined;
  readonly fileBytes: number;
  readonly #recordBytes: number;
  #liveCount = 0;
  #liveBytes = 0;

  constructor(parts: {
    readonly name: string;
    readonly index: PackIndex;
    readonly indexAt: number | undefined;
    readonly fileBytes: number;
  }) {
    this.name = parts.name;
    this.index = parts.index;
    this.indexAt = parts.indexAt;
    this.fileBytes = parts.fileBytes;
    let recordBytes = 0;
    for (let ordinal = 0; ordinal < this.index.count; ordinal++) {
      recordBytes += this.lengthOf(ordinal) + RECORD_HEADER_BYTES;
      if (this.isDead(ordinal)) continue;
      this.#liveCount++;
      this.#liveBytes += this.lengthOf(ordinal);
    }
    this.#recordBytes = recordBytes;
  }

  /** Blocks that are not dead. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** Their bytes, without headers. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Of the bytes of its records, how many are alive: from 0 to 1. */
  get liveRatio(): number {
    return this.#recordBytes === 0 ? 0 : this.liveRecordBytes / this.#recordBytes;
  }

  /** Bytes that its live records take in a pack. */
  get liveRecordBytes(): number {
    return this.#liveBytes + this.#liveCount * RECORD_HEADER_BYTES;
  }

  /** A block's hash: a view, not a copy. */
  hashOf(ordinal: number): Uint8Array {
    return this.index.hashes.subarray(ordinal * HASH_BYTES, (ordinal + 1) * HASH_BYTES);
  }

  /** The first 32 bits of its hash: enough to tell nearly all apart. */
  hashStart(ordinal: number): number {
    return readUint32(this.index.hashes, ordinal * HASH_BYTES);
  }

  /** Bytes of a block. */
  lengthOf(ordinal: number): number {
    return this.index.lengths[ordinal] ?? 0;
  }

  /** Where its record begins. */
  placeOf(ordinal: number): number {
    return this.index.places[ordinal] ?? 0;
  }

  /** Whether it is deleted, moved or damaged. */
  isDead(ordinal: number): boolean {
    return this.index.dead[ordinal] === 1;
  }

  /** From now on it is dead. False when it was before. */
  kill(ordinal: number): boolean {
    assert(ordinal < this.index.count, "a block of this pack");
    if (this.isDead(ordinal)) return false;
    this.index.dead[ordinal] = 1;
    this.#liveCount--;
    this.#liveBytes -= this.lengthOf(ordinal);
    return true;
  }

  /** The first block whose hash is not below `hash`; `count` when all are. */
  lowerBound(hash: Uint8Array): number {
    let low = 0;
    let high = this.index.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Buffer.compare(this.hashOf(middle), hash) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where a live block of that hash is; undefined without one. */
  find(hash: Uint8Array): number | undefined {
    const ordinal = this.lowerBound(hash);
    if (ordinal === this.index.count || this.isDead(ordinal)) return undefined;
    return Buffer.compare(this.hashOf(ordinal), hash) === 0 ? ordinal : undefined;
  }

  /** Ordinals of all that live. */
  *live(): Generator<number> {
    for (let ordinal = 0; ordinal < this.index.count; ordinal++) {
      if (!this.isDead(ordinal)) yield ordinal;
    }
  }
}
