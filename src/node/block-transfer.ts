/** Blocks between nodes over the mesh's bulk streams: the header is the block's CID. */

import type { Mesh } from "../mesh/mesh.ts";
import type { BulkHandler } from "../mesh/ports.ts";
import { JobxError } from "../std/errors.ts";
import type { DataPlane, DataPlaneOptions } from "./data-plane/data-plane.ts";

/** Format of the header: a version byte, then the CID in ASCII. */
const HEADER_VERSION = 1;

/** Asks one node for a block. */
export function fetchBlock(mesh: Mesh): DataPlaneOptions["fetchBlock"] {
  return (node, cid, signal) => {
    const header = new Uint8Array([HEADER_VERSION, ...new TextEncoder().encode(cid)]);
    return mesh.requestBulk(node, header, { signal });
  };
}

/** Answers such questions from this node's store. */
export function bulkHandler(plane: DataPlane): BulkHandler {
  return (_from, header) => {
    const cid = new TextDecoder().decode(header.subarray(1));
    if (header[0] !== HEADER_VERSION || !/^[0-9a-f]{64}$/.test(cid)) {
      throw new JobxError({ code: "BLOCK_REQUEST_MALFORMED" }, "not a request for a block");
    }
    return plane.serveBlock(cid);
  };
}
