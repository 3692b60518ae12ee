/** In the data plane: stores blocks that come whole, makes parity, and blocks that were lost; and gives up copies that are too many. */
import type { BlockStore } from "../../fs/block-store.ts";
import { codeStripes, stripeBlocks } from "../../fs/erasure/stripe.ts";
import { type BlockReaderDeps, readStoredBlock } from "../../fs/file-block-reader.ts";
import { storeBlocks } from "../../fs/transfer.ts";
import { unreachable } from "../../std/assert.ts";
import { isJobxError } from "../../std/errors.ts";
import type { CodedRequest, DataPlaneAnswer } from "./messages.ts";

interface CodedDeps {
  readonly store: BlockStore;
  readonly racer: BlockReaderDeps["racer"];
}

/** Rejects with what the store rejects with. */
export async function answerCoded(
  request: CodedRequest,
  deps: CodedDeps,
): Promise<DataPlaneAnswer> {
  const { id } = request;
  const { store } = deps;
  switch (request.kind) {
    case "store-blocks":
      await storeBlocks(store, request.blocks);
      return { kind: "had", id, here: [] };
    case "code-stripes":
      return { kind: "coded", id, parity: await codeStripes(store, request.stripes) };
    case "rebuild-blocks":
      return { kind: "had", id, here: await rebuild(request, deps) };
    case "offer-blocks":
      return { kind: "had", id, here: store.offer(request.cids) };
    case "drop-blocks":
      return { kind: "had", id, here: await store.dropOffered(request.cids) };
    default:
      return unreachable(request);
  }
}

/** Makes blocks durable here, from whoever has them or from the others of their stripe; for each whether it is. */
async function rebuild(
  request: Extract<CodedRequest, { readonly kind: "rebuild-blocks" }>,
  { store, racer }: CodedDeps,
): Promise<readonly boolean[]> {
  const { stripe, cids, from } = request;
  // Bounded by the mesh: a stream that does not move is ended.
  const { signal } = new AbortController();
  const here: boolean[] = [];
  for (const cid of cids) {
    const block = stripeBlocks(stripe).find((one) => one.cid === cid);
    if (block === undefined) {
      here.push(false);
      continue;
    }
    try {
      const holders = { nodes: from, areAll: false };
      await store.put(await readStoredBlock(block, holders, { store, racer, stripe, signal }));
      here.push(true);
    } catch (error) {
      if (!isJobxError(error) || !error.code.startsWith("FS_BLOCK_")) throw error;
      here.push(false);
    }
  }
  return here;
}
