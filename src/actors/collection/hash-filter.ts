/** A set of blocks in bounded memory: what was added is in it; some that were not seem to be as well. */
import type { Cid } from "../../scheduler/dataset.ts";

/** 4 MiB: of a million blocks one in about fifty that nothing needs is kept for a round, of a hundred thousand none. */
const FILTER_BYTES = 4 * 1024 * 1024;

/** Places for each block: four pieces of its hash. */
const PLACES = 4;

export class HashFilter {
  readonly #bits = new Uint8Array(FILTER_BYTES);
  readonly #salt: number;

  /** Another salt lets others seem to be in it, so that nothing is kept for ever. */
  constructor(salt: number) {
    this.#salt = salt >>> 0;
  }

  add(cid: Cid): void {
    for (const bit of this.#places(cid)) {
      const at = bit >>> 3;
      this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (bit & 7));
    }
  }

  /** False: it certainly was not added. */
  has(cid: Cid): boolean {
    return this.#places(cid).every(
      (bit) => ((this.#bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0,
    );
  }

  #places(cid: Cid): readonly number[] {
    return Array.from({ length: PLACES }, (_, at) => {
      const piece = Number.parseInt(cid.slice(at * 8, at * 8 + 8), 16);
      // A multiplication with an odd number: other salts bring other blocks together.
      const mixed = Math.imul(piece ^ this.#salt, 0x9e3779b1) >>> 0;
      return mixed % (FILTER_BYTES * 8);
    });
  }
}
