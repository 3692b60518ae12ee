/**
 * Where content-defined chunks end: FastCDC (Xia et al., USENIX ATC 2016) in 32 bits, with a gear
 * hash and normalised chunking. A cut depends on the bytes just before it alone, so that an insertion
 * changes the chunks around it and not all that follow.
 *
 * These constants and the table are the format "content-1": changing any of them needs a new name.
 */
import { hash } from "node:crypto";
import { assert } from "../../std/assert.ts";
import { CHUNK_BYTES_MAX } from "./chunk.ts";

/** No chunk but the last is smaller: bounds the number of chunks of a file, bytes. */
export const CDC_BYTES_MIN = 64 * 1024;

/** Where the condition for a cut becomes easier, and about what most chunks have, bytes. */
export const CDC_BYTES_AVERAGE = 256 * 1024;

/** A chunk is cut here when no place for a cut was found, bytes. */
export const CDC_BYTES_MAX = 1024 * 1024;

/** By how many bits the condition is harder before the average, and easier after it (the paper's NC2). */
const NORMALISATION_BITS = 2;

const AVERAGE_BITS = Math.log2(CDC_BYTES_AVERAGE);
assert(Number.isInteger(AVERAGE_BITS), "the average is a power of two");
assert(CDC_BYTES_MIN < CDC_BYTES_AVERAGE, "the least is below the average");
assert(
  CDC_BYTES_AVERAGE < CDC_BYTES_MAX && CDC_BYTES_MAX <= CHUNK_BYTES_MAX,
  "and that below most",
);

// The highest bits: these depend on the most bytes, up to 32.
const MASK_BEFORE = highBits(AVERAGE_BITS + NORMALISATION_BITS);
const MASK_AFTER = highBits(AVERAGE_BITS - NORMALISATION_BITS);

/** A random number of 32 bits for each byte, from sha256, so that anybody can make the same. */
const GEAR = gearTable();

/** Finds the end of one chunk after the other in bytes that come in pieces of any size. */
export class GearCutter {
  /** Bytes of the present chunk that were seen. */
  #seen = 0;
  #fingerprint = 0;

  /**
   * The place in `bytes`, from `from` on, where the present chunk ends; -1 when it does not end there
   * yet. After a cut the next call begins a new chunk.
   */
  find(bytes: Uint8Array, from: number): number {
    const base = from - this.#seen;
    const limit = (chunkBytes: number): number => Math.min(bytes.length, base + chunkBytes);
    // Nothing is cut below the least size, so nothing is hashed there.
    let at = Math.max(from, limit(CDC_BYTES_MIN));
    at = this.#scan(bytes, at, { end: limit(CDC_BYTES_AVERAGE), mask: MASK_BEFORE });
    if (at < 0) return this.#cut(~at);
    at = this.#scan(bytes, at, { end: limit(CDC_BYTES_MAX), mask: MASK_AFTER });
    if (at < 0) return this.#cut(~at);
    if (at - base === CDC_BYTES_MAX) return this.#cut(at);
    this.#seen = at - base;
    return -1;
  }

  #cut(end: number): number {
    this.#seen = 0;
    this.#fingerprint = 0;
    return end;
  }

  /** Where it stopped: at the end of the stretch, or, as its complement, behind the byte of a cut. */
  #scan(bytes: Uint8Array, from: number, stretch: { end: number; mask: number }): number {
    const { end, mask } = stretch;
    let fingerprint = this.#fingerprint;
    for (let at = from; at < end; at++) {
      fingerprint = ((fingerprint << 1) + (GEAR[bytes[at] ?? 0] ?? 0)) | 0;
      if ((fingerprint & mask) === 0) return ~(at + 1);
    }
    this.#fingerprint = fingerprint;
    return Math.max(from, end);
  }
}

function highBits(count: number): number {
  return (-1 << (32 - count)) | 0;
}

function gearTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) =>
    hash("sha256", `jobx content-1 gear ${byte}`, "buffer").readInt32BE(0),
  );
}
