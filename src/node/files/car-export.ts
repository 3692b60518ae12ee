/** A file or folder of a volume as a content archive, whose root is its IPFS id. */
import type { OpenCar } from "../../api/volume-port.ts";
import { decodeHeader } from "../../fs/content/car-format.ts";
import type { Chunk } from "../../fs/content/chunk.ts";
import { formatContentId } from "../../fs/content/content-id.ts";
import type { TreeNode, TreeSource } from "../../fs/content/ports.ts";
import { exportCar } from "../../fs/content/tree-export.ts";
import { plainChunk } from "../../fs/seal.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import type { FileBlock, FileRow } from "../../scheduler/tree/rows.ts";
import { assert } from "../../std/assert.ts";
import { gather } from "../../std/gather.ts";
import { blockRuns, type DownloadDeps, readParts } from "./download.ts";
import { readEntries } from "./tree-pages.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";

/** A folder by its number, a file by its row. */
type Ref = number | FileRow;

export interface CarExportDeps extends DownloadDeps {
  readonly reader: TreeReader;
}

/**
 * Resolves when the root is known.
 * @throws {JobxError} as `exportCar`, also on the way: then the archive is not whole.
 */
export async function openCar(deps: CarExportDeps, found: Found, call: FileCall): Promise<OpenCar> {
  const slices = exportCar(nodeOf(found), treeSourceOf(deps, call));
  const first = await slices.next();
  assert(first.done !== true, "an archive has a header");
  const header = first.value;
  // Its length takes one byte.
  const root = decodeHeader(header.subarray(1));
  assert(root.kind === "block", "the root is a block");
  return { cid: formatContentId(root.id), archive: withFirst(header, slices) };
}

async function* withFirst(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  yield* rest;
}

/** The tree as exports read it. */
export function treeSourceOf(deps: CarExportDeps, call: FileCall): TreeSource<Ref> {
  /** What chunks are stored as: an archive has the content, and names it. */
  const stored = new WeakMap<Chunk, FileBlock>();
  return {
    async *entries(directory) {
      assert(typeof directory === "number", "folders are named by their number");
      for await (const entry of readEntries(deps.reader, call, directory)) {
        yield { name: entry.name, node: nodeOf(entry) };
      }
    },
    async *chunks(file): AsyncGenerator<Chunk> {
      assert(typeof file !== "number", "files are named by their row");
      for await (const { blocks } of blockRuns(deps, file, { call, fromBytes: 0 })) {
        for (const block of blocks) {
          const chunk = plainChunk(block);
          stored.set(chunk, block);
          yield chunk;
        }
      }
    },
    read: (chunk) => {
      const block = stored.get(chunk);
      assert(block !== undefined, "only chunks that were told are read");
      const parts = [{ ...block, from: 0, to: block.bytes }];
      return gather(readParts(deps, parts, call), block.bytes);
    },
  };
}

function nodeOf({ inode, row }: Found): TreeNode<Ref> {
  switch (row.kind) {
    case "fs-file":
      return { kind: "file", ref: row };
    case "fs-directory":
      return { kind: "directory", ref: inode };
    case "fs-symlink":
      return { kind: "symlink", target: row.target };
  }
}
