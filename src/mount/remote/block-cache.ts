/** Blocks that were read lately: reads of the kernel are smaller than blocks, and go on where they were. */
import type { BlockView } from "../../api/inode-port.ts";

/** Of all blocks that are kept; what is being read now may come on top. */
const CACHE_BYTES_MAX = 64 << 20;

export class BlockCache {
  readonly #fetch: (block: BlockView, nearUntilMs: number) => Promise<Uint8Array>;
  /** The one that was used last comes last. */
  readonly #blocks = new Map<string, { readonly bytes: number; data: Promise<Uint8Array> }>();
  #bytes = 0;

  constructor(fetch: (block: BlockView, nearUntilMs: number) => Promise<Uint8Array>) {
    this.#fetch = fetch;
  }

  /** @throws {VolumeError} what fetching it throws; it is not kept then. */
  get(block: BlockView, nearUntilMs: number): Promise<Uint8Array> {
    const known = this.#blocks.get(block.cid);
    if (known !== undefined) {
      this.#blocks.delete(block.cid);
      this.#blocks.set(block.cid, known);
      return known.data;
    }
    const entry = { bytes: block.bytes, data: this.#fetch(block, nearUntilMs) };
    this.#blocks.set(block.cid, entry);
    this.#bytes += block.bytes;
    this.#makeRoom();
    entry.data.catch(() => {
      if (this.#blocks.get(block.cid) === entry) this.#drop(block.cid);
    });
    return entry.data;
  }

  /** Begins to fetch what will be asked for soon. */
  prepare(block: BlockView | undefined, nearUntilMs: number): void {
    if (block !== undefined) this.get(block, nearUntilMs).catch(() => undefined);
  }

  #makeRoom(): void {
    for (const cid of this.#blocks.keys()) {
      if (this.#bytes <= CACHE_BYTES_MAX || this.#blocks.size === 1) return;
      this.#drop(cid);
    }
  }

  #drop(cid: string): void {
    this.#bytes -= this.#blocks.get(cid)?.bytes ?? 0;
    this.#blocks.delete(cid);
  }
}
