/**
 * The id of a tree, and the tree as a content archive: the root first, then every block before what
 * it links to, so that a reader can use what it has got so far.
 *
 * Ids are made from the leaves up and blocks are told from the root down, so a tree is read twice. In
 * between only the ids of its directories are held; on the way down also the nodes of the directories
 * that lead to where it is, and of a file 1024 chunks and one link for each 1024 of them.
 */
import { type Block, encodeHeader, sectionHead } from "./car-format.ts";
import type { ContentId } from "./content-id.ts";
import {
  DIRECTORY_ENTRIES_MAX,
  type DirectoryEntry,
  type DirectoryTree,
  directoryTreeBeside,
} from "./directory.ts";
import { directoryLink } from "./directory-link.ts";
import { ContentError, treeTooLarge } from "./errors.ts";
import { chunkId, fileBlocks, streamedFileTree } from "./file-tree.ts";
import { targetBytes } from "./name.ts";
import { type Link, type NodeBlock, symlinkNode } from "./node.ts";
import type { TreeNode, TreeSource } from "./ports.ts";
import { TREE_DEPTH_MAX } from "./tree-bounds.ts";

/** Blocks that are remembered, not to write them twice. */
export const RECENT_BLOCKS_MAX = 65_536;

/**
 * The id of a tree, or of one file or symlink.
 * @throws {JobxError} `FS_NAME_REFUSED`, `FS_SYMLINK_REFUSED`, `FS_NAMES_COLLIDE`; `FS_TREE_TOO_LARGE`
 * for directories of too many entries or too deep; what the source throws.
 */
export async function treeLink<Ref>(node: TreeNode<Ref>, source: TreeSource<Ref>): Promise<Link> {
  return new TreeExport(source).link(node, 0);
}

/**
 * A tree as an archive, in slices that are made as the consumer asks for them.
 * @throws {JobxError} as `treeLink`; `FS_TREE_CHANGED` when the tree did not stand still.
 */
export async function* exportCar<Ref>(
  node: TreeNode<Ref>,
  source: TreeSource<Ref>,
): AsyncGenerator<Uint8Array> {
  const tree = new TreeExport(source);
  const root = await tree.link(node, 0);
  yield encodeHeader(root.id);
  const recent = new RecentBlocks();
  for await (const { id, read } of tree.blocks(node, root, 0)) {
    if (!recent.add(id)) continue;
    const block: Block = { id, data: await read() };
    yield sectionHead(block);
    yield block.data;
  }
}

/** A block that is read only if it is wanted. */
interface PendingBlock {
  readonly id: ContentId;
  readonly read: () => Promise<Uint8Array>;
}

class TreeExport<Ref> {
  readonly #source: TreeSource<Ref>;
  /** Of directories only, by what the source calls them. */
  readonly #links = new Map<Ref, Link>();

  constructor(source: TreeSource<Ref>) {
    this.#source = source;
  }

  async link(node: TreeNode<Ref>, depth: number): Promise<Link> {
    switch (node.kind) {
      case "file":
        return (await streamedFileTree(this.#source.chunks(node.ref))).root;
      case "symlink":
        return linkOf(symlinkNode(targetBytes(node.target)));
      case "directory": {
        const known = this.#links.get(node.ref);
        if (known !== undefined) return known;
        const link = await directoryLink(this.#directoryEntries(node.ref, depth));
        this.#links.set(node.ref, link);
        return link;
      }
    }
  }

  async *blocks(node: TreeNode<Ref>, link: Link, depth: number): AsyncGenerator<PendingBlock> {
    switch (node.kind) {
      case "file":
        yield* this.#fileBlocks(node.ref, link);
        return;
      case "symlink": {
        const block = symlinkNode(targetBytes(node.target));
        checkSame(link, block);
        yield pending(block);
        return;
      }
      case "directory": {
        const entries = await this.#entries(node.ref, depth);
        const tree = await directoryTreeBeside(entries);
        checkSame(link, tree.node);
        const named = new Map(entries.map((entry) => [entry.name, entry]));
        yield* this.#directoryBlocks(tree, named, depth);
        return;
      }
    }
  }

  /** What a directory has under each name. */
  async #entries(ref: Ref, depth: number): Promise<readonly Entry<Ref>[]> {
    const list: Entry<Ref>[] = [];
    for await (const entry of this.#directoryEntries(ref, depth)) {
      if (list.length === DIRECTORY_ENTRIES_MAX) {
        throw treeTooLarge("entries in a directory", DIRECTORY_ENTRIES_MAX);
      }
      list.push(entry);
    }
    return list;
  }

  async *#directoryEntries(ref: Ref, depth: number): AsyncGenerator<Entry<Ref>> {
    if (depth === TREE_DEPTH_MAX) throw treeTooLarge("directories inside each other", depth);
    for await (const { name, node } of this.#source.entries(ref)) {
      yield { name, node, link: await this.link(node, depth + 1) };
    }
  }

  async *#directoryBlocks(
    tree: DirectoryTree,
    entries: ReadonlyMap<string, Entry<Ref>>,
    depth: number,
  ): AsyncGenerator<PendingBlock> {
    yield pending(tree.node);
    for (const child of tree.children) {
      if (child.kind === "shard") {
        yield* this.#directoryBlocks(child.tree, entries, depth);
        continue;
      }
      const entry = entries.get(child.name);
      if (entry !== undefined) yield* this.blocks(entry.node, entry.link, depth + 1);
    }
  }

  async *#fileBlocks(ref: Ref, link: Link): AsyncGenerator<PendingBlock> {
    const tree = await streamedFileTree(this.#source.chunks(ref));
    checkSame(link, tree.root);
    for await (const block of fileBlocks(tree, this.#source.chunks(ref))) {
      if (block.kind === "node") yield pending(block.node);
      else {
        const { chunk } = block;
        const empty = chunk.bytes === 0;
        const read = async (): Promise<Uint8Array> =>
          empty ? new Uint8Array(0) : this.#source.read(chunk);
        yield { id: chunkId(chunk), read };
      }
    }
  }
}

interface Entry<Ref> extends DirectoryEntry {
  readonly node: TreeNode<Ref>;
}

function linkOf({ id, treeBytes }: NodeBlock): Link {
  return { id, treeBytes };
}

function pending({ id, data }: NodeBlock): PendingBlock {
  return { id, read: () => Promise.resolve(data) };
}

function checkSame(before: Link, now: Link): void {
  if (before.id.block === now.id.block) return;
  const reason = "something in it is not what it was when the ids were made";
  throw new ContentError({ code: "FS_TREE_CHANGED", reason }, `the tree has changed: ${reason}`);
}

/** The blocks that were written last. */
class RecentBlocks {
  readonly #blocks = new Set<string>();

  /** False when the block is among them. */
  add({ codec, block }: ContentId): boolean {
    const key = `${codec} ${block}`;
    if (this.#blocks.has(key)) return false;
    if (this.#blocks.size === RECENT_BLOCKS_MAX) {
      for (const oldest of this.#blocks) {
        this.#blocks.delete(oldest);
        break;
      }
    }
    this.#blocks.add(key);
    return true;
  }
}
