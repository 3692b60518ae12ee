/** What the content store needs from outside: a way to ask other nodes for blocks. */
import type { Cid } from "../wire/dataset.ts";

/** Where blocks come from that are not on this node. Fulfilled by the mesh's data connections. */
export interface BlockSource {
  /**
   * The bytes of a block, in slices or whole, as somebody sent them: the caller verifies them, and
   * stops reading when more come than the block has.
   * @throws {JobxError} `FS_BLOCK_MISSING` when nobody who was asked has it.
   */
  get(cid: Cid, signal: AbortSignal): AsyncIterable<Uint8Array> | Promise<Uint8Array>;
}
