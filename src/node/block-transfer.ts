/** Blocks between nodes over the mesh's bulk streams: what is asked for is the block's CID in ASCII. */

import type { Mesh } from "../mesh/mesh.ts";
import type { BulkHandler } from "../mesh/ports.ts";
import { JobxError } from "../std/errors.ts";
import { bulkHeader } from "./bulk-router.ts";
import type { DataPlane, DataPlaneOptions } from "./data-plane/data-plane.ts";

/** Asks one node for a block. */
export function fetchBlock(mesh: Mesh): DataPlaneOptions["fetchBlock"] {
  return (node, cid, signal) => {
    const header = bulkHeader("block", new TextEncoder().encode(cid));
    return mesh.requestBulk(node, header, { signal });
  };
}

/** Answers such questions from this node's store. */
export function blockHandler(plane: DataPlane): BulkHandler {
  return (_from, content) => {
    const cid = new TextDecoder().decode(content);
    if (!/^[0-9a-f]{64}$/.test(cid)) {
      throw new JobxError({ code: "BLOCK_REQUEST_MALFORMED" }, "not a request for a block");
    }
    return plane.serveBlock(cid);
  };
}
