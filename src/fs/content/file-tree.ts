/**
 * The nodes above a file's chunks, in the balanced layout of IPFS: 1024 links to a node, as many
 * levels as it takes, so that its root is the id under which IPFS knows the same content.
 */
import { hash } from "node:crypto";
import { assert } from "../../std/assert.ts";
import type { Chunk } from "./chunk.ts";
import type { ContentId } from "./content-id.ts";
import { ContentError } from "./errors.ts";
import { type FileLink, fileNode, type NodeBlock } from "./node.ts";

/** Links of a node but for the last of its level. */
export const CHILDREN_PER_NODE = 1024;

/** What a file is, as a whole. */
export interface FileTree {
  /** The file's id, with the bytes of its content and of all of its blocks. */
  readonly root: FileLink;
  /** Links to the nodes of each level, from the one above the chunks up to the root's. */
  readonly levels: readonly (readonly FileLink[])[];
}

/** A step of a walk over a file's blocks. */
export type FileBlock =
  | { readonly kind: "node"; readonly node: NodeBlock }
  | { readonly kind: "chunk"; readonly chunk: Chunk };

/** The block of a file without content: no bytes. */
export const EMPTY_CHUNK: Chunk = { cid: hash("sha256", new Uint8Array(0), "hex"), bytes: 0 };

/** The id of a chunk as the leaf of a tree. */
export function chunkId(chunk: Chunk): ContentId {
  return { codec: "raw", block: chunk.cid };
}

/**
 * Makes the nodes above chunks that come one after the other. Holds the links of one node of the
 * lowest level, and of the others one link for every 1024 chunks (a TiB of content: a thousand).
 */
export class FileTreeBuilder {
  /** Links that wait for their node. */
  #pending: FileLink[] = [];
  /** Links to the nodes above the chunks. */
  readonly #nodes: FileLink[] = [];

  /** The next chunk, not an empty one. */
  add(chunk: Chunk): void {
    assert(chunk.bytes > 0, "chunks hold something");
    if (this.#pending.length === CHILDREN_PER_NODE) this.#close();
    this.#pending.push(chunkLink(chunk));
  }

  /** The whole; nothing may be added any more. */
  finish(): FileTree {
    const [first] = this.#pending;
    if (first === undefined) return { root: chunkLink(EMPTY_CHUNK), levels: [] };
    // A file of one chunk is that chunk.
    if (this.#pending.length === 1 && this.#nodes.length === 0) return { root: first, levels: [] };
    this.#close();
    const levels = [this.#nodes];
    for (let top = this.#nodes; ; levels.push(top)) {
      const [root] = top;
      assert(root !== undefined, "a level has a node");
      if (top.length === 1) return { root, levels };
      top = nodesAbove(top);
    }
  }

  #close(): void {
    this.#nodes.push(linkTo(this.#pending));
    this.#pending = [];
  }
}

/** The nodes above a list of chunks. */
export function fileTree(chunks: Iterable<Chunk>): FileTree {
  const builder = new FileTreeBuilder();
  for (const chunk of chunks) builder.add(chunk);
  return builder.finish();
}

/** As `fileTree`, for a list that does not fit in memory. */
export async function streamedFileTree(chunks: AsyncIterable<Chunk>): Promise<FileTree> {
  const builder = new FileTreeBuilder();
  for await (const chunk of chunks) builder.add(chunk);
  return builder.finish();
}

/**
 * All blocks of a file in the order in which a reader wants them: each node before what it links to.
 * `chunks` is the list that the tree was made of, once more; it is read 1024 chunks at a time.
 * @throws {JobxError} `FS_TREE_CHANGED` when it is another list.
 */
export async function* fileBlocks(
  tree: FileTree,
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
): AsyncGenerator<FileBlock> {
  const { levels, root } = tree;
  // How many nodes of each level were told.
  const told = levels.map(() => 0);
  const tell = (level: number, links: readonly FileLink[]): FileBlock => {
    const at = told[level] ?? 0;
    told[level] = at + 1;
    const node = fileNode(links);
    if (levels[level]?.[at]?.id.block !== node.id.block) throw treeChanged();
    return { kind: "node", node };
  };
  let groups = 0;
  for await (const group of groupsOf(chunks)) {
    if (levels.length === 0 && group[0]?.cid !== root.id.block) throw treeChanged();
    // Nodes further up that begin with this group come first, from the root down.
    for (let level = levels.length - 1; level > 0; level--) {
      if (groups % CHILDREN_PER_NODE ** level !== 0) continue;
      const from = (told[level] ?? 0) * CHILDREN_PER_NODE;
      yield tell(level, levels[level - 1]?.slice(from, from + CHILDREN_PER_NODE) ?? []);
    }
    if (levels.length > 0) yield tell(0, group.map(chunkLink));
    for (const chunk of group) yield { kind: "chunk", chunk };
    groups++;
  }
  if (root.contentBytes === 0) yield { kind: "chunk", chunk: EMPTY_CHUNK };
  if (groups < (levels[0]?.length ?? Math.min(root.contentBytes, 1))) throw treeChanged();
}

function treeChanged(): ContentError {
  const reason = "a file has other chunks than when its id was made";
  return new ContentError({ code: "FS_TREE_CHANGED", reason }, reason);
}

async function* groupsOf(
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
): AsyncGenerator<readonly Chunk[]> {
  let group: Chunk[] = [];
  for await (const chunk of chunks) {
    group.push(chunk);
    if (group.length < CHILDREN_PER_NODE) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function nodesAbove(links: readonly FileLink[]): FileLink[] {
  const above: FileLink[] = [];
  for (let from = 0; from < links.length; from += CHILDREN_PER_NODE) {
    above.push(linkTo(links.slice(from, from + CHILDREN_PER_NODE)));
  }
  return above;
}

function linkTo(links: readonly FileLink[]): FileLink {
  const { id, treeBytes } = fileNode(links);
  return { id, treeBytes, contentBytes: links.reduce((sum, link) => sum + link.contentBytes, 0) };
}

function chunkLink(chunk: Chunk): FileLink {
  return { id: chunkId(chunk), treeBytes: chunk.bytes, contentBytes: chunk.bytes };
}
