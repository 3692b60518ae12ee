/** Blocks between nodes over the mesh's bulk streams: what is asked for is the block's CID in ASCII. */

import type { Mesh } from "../mesh/mesh.ts";
import type { BulkHandler } from "../mesh/ports.ts";
import { JobxError } from "../std/errors.ts";
import { bulkHeader } from "./bulk-router.ts";
import type { DataPlane, DataPlaneOptions } from "./data-plane/data-plane.ts";

/** Told of the bytes of blocks, and to or from which node, for figures. */
export type BlockMeter = (direction: "in" | "out", peer: string, bytes: number) => void;

/** Asks one node for a block. */
export function fetchBlock(mesh: Mesh, meter: BlockMeter): DataPlaneOptions["fetchBlock"] {
  return (node, cid, signal) => {
    const header = bulkHeader("block", new TextEncoder().encode(cid));
    return counted(mesh.requestBulk(node, header, { signal }), (bytes) => meter("in", node, bytes));
  };
}

async function* counted(
  slices: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const slice of slices) {
    count(slice.length);
    yield slice;
  }
}

/** Answers such questions from this node's store. */
export function blockHandler(plane: DataPlane, meter: BlockMeter): BulkHandler {
  return (from, content) => {
    const cid = new TextDecoder().decode(content);
    if (!/^[0-9a-f]{64}$/.test(cid)) {
      throw new JobxError({ code: "BLOCK_REQUEST_MALFORMED" }, "not a request for a block");
    }
    return counted(plane.serveBlock(cid), (bytes) => meter("out", from, bytes));
  };
}
