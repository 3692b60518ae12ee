/** Finds the blocks of files: here, else on one of the nodes that may have them. */

import { assert } from "../std/assert.ts";
import { rendezvousOrder } from "../std/rendezvous.ts";
import type { Cid, NodeId } from "../wire/dataset.ts";
import type { BlockStore } from "./block-store.ts";
import { blockMissing, FsError } from "./errors.ts";
import { type SealedChunk, type SealKey, storedBytes, unseal } from "./seal.ts";
import { fetchBlock } from "./transfer.ts";

/** Who may have blocks. */
export interface Holders {
  /** Other nodes that are up. */
  readonly nodes: readonly NodeId[];
  /** Whether no other node may have some: all members are up. */
  readonly areAll: boolean;
}

export interface BlockReaderDeps {
  readonly store: Pick<BlockStore, "get" | "put">;
  readonly fetch: (node: NodeId, cid: Cid, signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** Trying another node does not help against these. */
const FINAL_CODES: ReadonlySet<string> = new Set(["FS_DISK_FULL", "FS_IO", "FS_STOPPED"]);

/**
 * The content of a block, opened where it is sealed, and verified. Where this node's own copy is damaged it is replaced. Other nodes are asked
 * in the order in which blocks are placed.
 * @throws {JobxError} `FS_BLOCK_LOST` when every node there is says that it has none; `FS_BLOCK_MISSING` when
 * one that has it may only be away; `FS_BLOCK_UNSEALED`; `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`.
 */
export async function readFileBlock(
  chunk: SealedChunk,
  holders: Holders,
  how: BlockReaderDeps & { readonly key: SealKey | undefined; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const { plain } = chunk;
  const stored = await readStoredBlock(chunk, holders, how);
  if (plain === undefined) return stored;
  assert(how.key !== undefined, "who reads sealed blocks has their key");
  return unseal(stored, { plain, key: how.key });
}

async function readStoredBlock(
  chunk: SealedChunk,
  holders: Holders,
  how: BlockReaderDeps & { readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const { store, fetch, signal } = how;
  const { cid } = chunk;
  let isDamaged = false;
  try {
    return await store.get(cid);
  } catch (error) {
    if (!(error instanceof FsError) || !error.code.startsWith("FS_BLOCK_")) throw error;
    isDamaged = error.code === "FS_BLOCK_DAMAGED";
  }
  let allLack = true;
  for (const node of rendezvousOrder(cid, holders.nodes)) {
    try {
      const source = { get: (wanted: Cid) => fetch(node, wanted, signal) };
      const bytes = await fetchBlock({ cid, bytes: storedBytes(chunk) }, { source, signal });
      if (isDamaged) await store.put(bytes);
      return bytes;
    } catch (error) {
      if (signal.aborted || FINAL_CODES.has(codeOf(error, "code"))) throw error;
      allLack &&= [codeOf(error, "code"), codeOf(error, "remoteCode")].includes("FS_BLOCK_MISSING");
    }
  }
  throw holders.areAll && allLack ? blockLost(cid) : blockMissing(cid);
}

function blockLost(cid: Cid): FsError {
  return new FsError({ code: "FS_BLOCK_LOST", cid }, "no node has the block any more");
}

/** Another node's code comes inside the error of the stream. */
function codeOf(error: unknown, name: "code" | "remoteCode"): string {
  if (!(error instanceof Error) || !("details" in error)) throw error;
  const { details } = error;
  const code: unknown =
    typeof details === "object" &&
    details !== null &&
    Object.getOwnPropertyDescriptor(details, name)?.value;
  return typeof code === "string" ? code : "";
}
