/** A thread that reads blocks from a node's disk and verifies them: see `remote/block-threads.ts`. */
import { hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { BlockFound, BlockWanted } from "./remote/block-threads.ts";

function read({ path, cid, bytes }: BlockWanted): Uint8Array<ArrayBuffer> | undefined {
  const fd = openSync(path, "r");
  try {
    // One byte more shows a file that is longer.
    const data = new Uint8Array(new ArrayBuffer(bytes + 1));
    let length = 0;
    for (let more = 1; more > 0 && length < data.length; length += more) {
      more = readSync(fd, data, length, data.length - length, length);
    }
    const block = data.subarray(0, bytes);
    return length === bytes && hash("sha256", block, "hex") === cid ? block : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Not there, or not to be read: the node knows what to do about it. */
function readOrNothing(wanted: BlockWanted): Uint8Array<ArrayBuffer> | undefined {
  try {
    return read(wanted);
  } catch {
    return undefined;
  }
}

parentPort?.on("message", (wanted: BlockWanted) => {
  const data = readOrNothing(wanted);
  const found: BlockFound = { id: wanted.id, data };
  parentPort?.postMessage(found, data === undefined ? [] : [data.buffer]);
});
