/** Content that is held: the list of its blocks, which stay as they are whatever becomes of the file. */
import type { BlockView } from "../../api/inode-port.ts";
import type { BlockCache } from "./block-cache.ts";

/** Hides the way to a node, and lets two threads hash; eight streams have them all in the cache. */
const BLOCKS_AHEAD = 4;

export class RemoteContent {
  readonly bytes: number;
  readonly #blocks: readonly BlockView[];
  /** Where each block begins. */
  readonly #starts: readonly number[];

  readonly #nearUntilMs: number;
  /** The block that was read last; how many were read one after the other before. */
  #last = -1;
  #inOrder = 0;

  /** `nearUntilMs`: until when its blocks may be read from the disk of a node. */
  constructor(blocks: readonly BlockView[], nearUntilMs: number) {
    this.#blocks = blocks;
    this.#nearUntilMs = nearUntilMs;
    let at = 0;
    this.#starts = blocks.map(({ bytes }) => {
      at += bytes;
      return at - bytes;
    });
    this.bytes = at;
  }

  /** Up to `length` bytes; fewer only at the end. @throws {VolumeError} */
  async read(
    { at, length }: { readonly at: number; readonly length: number },
    cache: BlockCache,
  ): Promise<Uint8Array> {
    const end = Math.min(at + length, this.bytes);
    const parts: Uint8Array[] = [];
    for (let from = at; from < end; ) {
      const index = this.#indexOf(from);
      const [block, start] = [this.#blocks[index], this.#starts[index]];
      if (block === undefined || start === undefined) break;
      const ahead = this.#aheadOf(index);
      for (const next of this.#blocks.slice(index + 1, index + 1 + ahead)) {
        cache.prepare(next, this.#nearUntilMs);
      }
      const data = await cache.get(block, this.#nearUntilMs);
      const to = Math.min(end, start + block.bytes);
      parts.push(data.subarray(from - start, to - start));
      from = to;
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  }

  /** How many blocks are asked for before they are read: more for who reads on and on. */
  #aheadOf(index: number): number {
    if (index === this.#last + 1) this.#inOrder += 1;
    else if (index !== this.#last) this.#inOrder = 0;
    this.#last = index;
    return Math.max(1, Math.min(this.#inOrder, BLOCKS_AHEAD));
  }

  /** The last block that begins at or before the place. */
  #indexOf(at: number): number {
    let low = 0;
    for (let high = this.#starts.length; high - low > 1; ) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return low;
  }
}
