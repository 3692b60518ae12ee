import { assert } from "../std/assert.ts";

/** Larger copies get memory of their own, so that a slab holds at least eight copies. */
const SMALL_BYTES_MAX = 2048;
const SLAB_BYTES = 16 * 1024;
assert(SLAB_BYTES >= 8 * SMALL_BYTES_MAX, "a slab must hold several copies");

/**
 * Copies of small byte strings, side by side in larger buffers: allocating a buffer for each costs
 * some ten times as much as the copy. No place is written twice. A copy that is kept keeps its slab
 * of 16 KiB, which its neighbours from the same time share.
 */
export class ByteSlab {
  #slab = new Uint8Array(SLAB_BYTES);
  #used = 0;

  /** A copy of `source` from `from` up to `to`. */
  copy(source: Uint8Array, from: number, to: number): Uint8Array {
    const length = to - from;
    // `slice` of a Buffer would be a view.
    if (length > SMALL_BYTES_MAX) return new Uint8Array(source.subarray(from, to));
    if (length > SLAB_BYTES - this.#used) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    const copy = this.#slab.subarray(start, this.#used);
    // A call into the runtime costs more than a short loop.
    if (length > 64) copy.set(source.subarray(from, to));
    else for (let at = 0; at < length; at += 1) copy[at] = source[from + at] ?? 0;
    return copy;
  }
}
