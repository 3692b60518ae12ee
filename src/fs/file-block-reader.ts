/** Finds the blocks of files: here, else on one of the nodes that may have them. */

import { assert } from "../std/assert.ts";
import { rendezvousOrder } from "../std/rendezvous.ts";
import type { Cid, NodeId } from "../wire/dataset.ts";
import type { BlockRacer } from "./block-racer.ts";
import type { BlockStore } from "./block-store.ts";
import { likelyHolders } from "./erasure/placing.ts";
import { type CodedStripe, rebuildBlock, stripeBlocks } from "./erasure/stripe.ts";
import { blockMissing, FsError } from "./errors.ts";
import { type SealedChunk, type SealKey, storedBytes, unseal } from "./seal.ts";
import type { BlockRef } from "./transfer.ts";

/** Who may have blocks. */
export interface Holders {
  /** Other nodes that are up. */
  readonly nodes: readonly NodeId[];
  /** Whether no other node may have some: all members are up. */
  readonly areAll: boolean;
}

export interface BlockReaderDeps {
  readonly store: Pick<BlockStore, "get" | "put">;
  readonly racer: Pick<BlockRacer, "get">;
}

/**
 * The content of a block, opened where it is sealed, and verified. Where this node's own copy is damaged it is replaced. Other nodes are asked
 * as they are likely to have it and are least loaded; another one where the first is slow. One of a stripe that
 * nobody has is made from the others.
 * @throws {JobxError} `FS_BLOCK_LOST` when every node there is says that it has none; `FS_BLOCK_MISSING` when
 * one that has it may only be away; `FS_BLOCK_UNSEALED`; `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`.
 */
export async function readFileBlock(
  chunk: SealedChunk & { readonly stripe?: CodedStripe | undefined },
  holders: Holders,
  how: BlockReaderDeps & { readonly key: SealKey | undefined; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const { plain } = chunk;
  const block = { cid: chunk.cid, bytes: storedBytes(chunk) };
  const stored = await readStoredBlock(block, holders, { ...how, stripe: chunk.stripe });
  if (plain === undefined) return stored;
  assert(how.key !== undefined, "who reads sealed blocks has their key");
  return unseal(stored, { plain, key: how.key });
}

/** As it is stored. @throws {JobxError} as `readFileBlock`. */
export async function readStoredBlock(
  block: BlockRef,
  holders: Holders,
  how: BlockReaderDeps & {
    readonly stripe: CodedStripe | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Uint8Array> {
  const { stripe, signal } = how;
  try {
    return await findStoredBlock(block, holders, how);
  } catch (error) {
    if (stripe === undefined || !(error instanceof FsError)) throw error;
    if (signal.aborted || !error.code.startsWith("FS_BLOCK_")) throw error;
    const read = (other: BlockRef) => findStoredBlock(other, holders, how);
    return rebuildBlock(stripe, block.cid, { read, signal });
  }
}

async function findStoredBlock(
  block: BlockRef,
  holders: Holders,
  how: BlockReaderDeps & {
    readonly stripe: CodedStripe | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Uint8Array> {
  const { store, racer, signal } = how;
  const { cid, bytes } = block;
  let isDamaged = false;
  try {
    return await store.get(cid);
  } catch (error) {
    if (!(error instanceof FsError) || !error.code.startsWith("FS_BLOCK_")) throw error;
    isDamaged = error.code === "FS_BLOCK_DAMAGED";
  }
  const nodes = orderOf(cid, holders.nodes, how.stripe);
  const raced = await racer.get({ cid, bytesMin: bytes, bytesMax: bytes }, nodes, signal);
  if (raced.kind === "nobody")
    throw holders.areAll && raced.allLack ? blockLost(cid) : blockMissing(cid);
  if (isDamaged) await store.put(raced.bytes);
  return raced.bytes;
}

/** In which order nodes are likely to have a block. */
function orderOf(
  cid: Cid,
  nodes: readonly NodeId[],
  stripe: CodedStripe | undefined,
): readonly NodeId[] {
  const seed = stripe?.data[0]?.cid;
  if (stripe === undefined || seed === undefined) return rendezvousOrder(cid, nodes);
  const index = stripeBlocks(stripe).findIndex((block) => block.cid === cid);
  return likelyHolders(seed, Math.max(index, 0), nodes);
}

function blockLost(cid: Cid): FsError {
  return new FsError({ code: "FS_BLOCK_LOST", cid }, "no node has the block any more");
}
