/** What trees are read from: the volume's metadata, and blocks by their hash. */
import type { Cid } from "../../wire/dataset.ts";
import type { Chunk } from "./chunk.ts";

/**
 * An entry of a tree as its owner has it. `ref` is the owner's word for the file or directory; equal
 * directories need not have equal ones.
 */
export type TreeNode<Ref> =
  | { readonly kind: "file"; readonly ref: Ref }
  | { readonly kind: "directory"; readonly ref: Ref }
  | { readonly kind: "symlink"; readonly target: string };

/**
 * A tree that stands still: it is read several times and must answer the same each time, as a
 * snapshot of a volume does. Called by exports, one call at a time.
 */
export interface TreeSource<Ref> {
  /** The entries of a directory, in any order. */
  entries(directory: Ref): AsyncIterable<{ readonly name: string; readonly node: TreeNode<Ref> }>;
  /** The chunks of a file, in order. */
  chunks(file: Ref): AsyncIterable<Chunk>;
  /** The content of a chunk, verified. @throws {JobxError} `FS_BLOCK_MISSING` when it is nowhere. */
  read(chunk: Chunk): Promise<Uint8Array>;
}

/** Where the blocks of an archive were put after they had been verified. Called one at a time. */
export interface NodeSource {
  /** The bytes of a block, verified; undefined when it is not there. */
  get(cid: Cid): Promise<Uint8Array | undefined>;
  /** How many bytes a block has, without reading it; undefined when it is not there. */
  bytesOf(cid: Cid): Promise<number | undefined>;
}
