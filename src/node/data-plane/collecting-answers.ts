/** In the data plane: answers what the collector of blocks asks (R25). */
import type { BlockFacts, BlockStore } from "../../fs/block-store.ts";
import { unreachable } from "../../std/assert.ts";
import type { CollectingRequest } from "./collecting-calls.ts";
import type { DataPlaneAnswer } from "./messages.ts";
import type { RunFetcher } from "./run-fetcher.ts";

/** Rejects with what the store or the fetcher rejects with. */
export async function answerCollector(
  request: CollectingRequest,
  store: BlockStore,
  fetcher: RunFetcher,
): Promise<DataPlaneAnswer> {
  const { id } = request;
  switch (request.kind) {
    case "block-facts": {
      // One after the other: each is read whole, and nobody waits.
      const facts: (BlockFacts | undefined)[] = [];
      for (const cid of request.cids) facts.push(await store.facts(cid));
      return { kind: "described", id, facts };
    }
    case "condemn-blocks":
      // A run that was whole may not be so any more.
      fetcher.forget();
      return { kind: "had", id, here: store.condemn(request.cids) };
    case "delete-condemned":
      return { kind: "had", id, here: await store.deleteMany(request.cids) };
    case "run-blocks": {
      // Bounded by the mesh: a stream that does not move is ended.
      const { signal } = new AbortController();
      const { cid, from } = request;
      return { kind: "listed", id, cids: await fetcher.blocksOf(cid, { from, signal }) };
    }
    default:
      return unreachable(request);
  }
}
