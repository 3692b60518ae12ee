/** Small blocks that are read one after the other, found in groups: a look at each pack, not one for each block. */
import type { Cid } from "../wire/dataset.ts";
import type { BlockStore } from "./block-store.ts";
import { PACKED_BLOCK_BYTES } from "./packs/format.ts";
import { type SealedChunk, storedBytes } from "./seal.ts";

/** Of one group: that many blocks, and bytes of them. At most two groups are in memory. */
const GROUP_BLOCKS = 256;
const GROUP_BYTES = 1024 * 1024;

interface Group {
  readonly cids: Cid[];
  bytes: number;
  reading: Promise<ReadonlyMap<Cid, Uint8Array>> | undefined;
}

/** The blocks of a list. Use: `get` for each in the order of the list, or for any other. */
export class PackedAhead {
  readonly #store: Pick<BlockStore, "get" | "getPacked">;
  readonly #groups = new Map<Cid, Group>();

  constructor(store: Pick<BlockStore, "get" | "getPacked">, chunks: readonly SealedChunk[]) {
    this.#store = store;
    let group: Group | undefined;
    for (const chunk of chunks) {
      const { cid } = chunk;
      const bytes = storedBytes(chunk);
      if (bytes >= PACKED_BLOCK_BYTES || this.#groups.has(cid)) continue;
      if (group === undefined || isFull(group)) {
        group = { cids: [], bytes: 0, reading: undefined };
      }
      group.cids.push(cid);
      group.bytes += bytes;
      this.#groups.set(cid, group);
    }
  }

  /** The bytes of a block, verified; views of what was read for its group. @throws {JobxError} as `BlockStore.get`. */
  async get(cid: Cid): Promise<Uint8Array> {
    const group = this.#groups.get(cid);
    if (group === undefined || group.cids.length === 1) return this.#store.get(cid);
    this.#groups.delete(cid);
    group.reading ??= this.#store.getPacked(group.cids);
    const bytes = (await group.reading).get(cid);
    return bytes ?? this.#store.get(cid);
  }
}

function isFull({ cids, bytes }: Group): boolean {
  return cids.length >= GROUP_BLOCKS || bytes >= GROUP_BYTES;
}
