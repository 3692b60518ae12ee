/** Group commit of small blocks: what comes while one group is written is the next group. */
import type { Cid } from "../../wire/dataset.ts";
import { asError } from "../block-files.ts";
import { PACK_BYTES, recordBytes } from "./format.ts";

/** Blocks by their ids. */
export type Blocks = ReadonlyMap<Cid, Uint8Array>;

interface Waiting {
  readonly blocks: Blocks;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Hands blocks of several callers to `write` together, one group at a time, so that no block is
 * written twice and few flushes serve many. Bounded by its callers: each waits for its own blocks.
 */
export class GroupCommit {
  readonly #write: (blocks: Blocks) => Promise<void>;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(write: (blocks: Blocks) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when these blocks are durable. @throws what writing their group threw. */
  async commit(blocks: Blocks): Promise<void> {
    if (blocks.size === 0) return;
    const durable = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ blocks, resolve, reject });
    });
    if (!this.#isWriting) void this.#writeAll();
    await durable;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#write(new Map(group.flatMap(({ blocks }) => [...blocks])));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(asError(error));
      }
    }
    this.#isWriting = false;
  }

  /** As many as one pack takes, and at least one. */
  #takeGroup(): readonly Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { blocks } of this.#waiting) {
      for (const block of blocks.values()) bytes += recordBytes({ bytes: block });
      if (count > 0 && bytes > PACK_BYTES) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}
