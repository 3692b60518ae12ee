/**
 * The files, directories and symlinks of a tree whose blocks are somewhere, whoever made it: with
 * chunks of other sizes, content inside of nodes, ids of version 0 or that are their own content.
 *
 * Nothing in a tree is believed: sizes add up, names may be names, a spread directory has each name
 * where its hash says (so none is there twice), and how far anything is followed has a bound. A tree
 * cannot contain itself, since it would have to contain its own hash.
 */
import { hash } from "node:crypto";
import type { Cid } from "../../wire/dataset.ts";
import { CHUNK_BYTES_MAX, type Chunk } from "./chunk.ts";
import type { LinkTarget } from "./content-id.ts";
import { ContentError, nodeMalformed, treeTooLarge } from "./errors.ts";
import { nameBytes, readTarget } from "./name.ts";
import { branchLabel, LABEL_LENGTH, NAME_HASH_BYTES, nameHash } from "./name-hash.ts";
import { type ReadLink, type ReadNode, readNode } from "./node.ts";
import type { NodeSource } from "./ports.ts";
import { FILE_DEPTH_MAX, TREE_DEPTH_MAX, WALK_NODES_MAX } from "./tree-bounds.ts";

/** A piece of a file's content. */
export type Leaf =
  /** A block that may be a chunk as it is. */
  | { readonly kind: "chunk"; readonly chunk: Chunk }
  /**
   * Content that is no chunk: it lies in a node or in an id, or its block is larger than chunks may
   * be. A file that has such leaves is cut anew (`walkedContent`), and then has another id here.
   */
  | { readonly kind: "bytes"; readonly data: Uint8Array };

/** A file that was found. */
export interface WalkedFile {
  readonly kind: "file";
  readonly path: readonly string[];
  /** Bytes of its content, as its root says; `leaves` fails where they are not so many. */
  readonly bytes: number;
  /** Its content in order; nothing of it was looked at before. */
  leaves(): AsyncGenerator<Leaf>;
}

/** What is found; a path of no names is the root. Directories come before what is in them. */
export type WalkedEntry =
  | WalkedFile
  | { readonly kind: "directory"; readonly path: readonly string[] }
  | { readonly kind: "symlink"; readonly path: readonly string[]; readonly target: string };

/** How far a walk goes. */
export interface WalkOptions {
  /** Entries and nodes that are looked at, those in leaves too. Default `WALK_NODES_MAX`. */
  readonly nodesMax?: number;
}

/**
 * All entries below a root, depth first. Holds one node for each directory on the way to where it is.
 * @throws {JobxError} `FS_NODE_MISSING`, `FS_NODE_MALFORMED`, `FS_NAME_REFUSED`, `FS_SYMLINK_REFUSED`;
 * `FS_CAR_UNSUPPORTED` for directories spread in another way; `FS_TREE_TOO_LARGE`; what the source
 * throws. So do the leaves.
 */
export function walkTree(
  root: LinkTarget,
  source: NodeSource,
  options: WalkOptions = {},
): AsyncGenerator<WalkedEntry> {
  return new TreeWalk(source, options.nodesMax ?? WALK_NODES_MAX).entries(root, []);
}

/** The content of a file that was found, in pieces of up to a block. @throws {JobxError} as `walkTree`. */
export async function* walkedContent(
  file: WalkedFile,
  source: NodeSource,
): AsyncGenerator<Uint8Array> {
  for await (const leaf of file.leaves()) {
    yield leaf.kind === "bytes" ? leaf.data : await blockOf(leaf.chunk.cid, source);
  }
}

/** What a link leads to. */
type Opened =
  | { readonly kind: "node"; readonly cid: Cid; readonly node: ReadNode }
  | { readonly kind: "raw"; readonly cid: Cid; readonly bytes: number; readonly leaf: RawLeaf };

/** Content as a block, or as the bytes of an id. */
type RawLeaf = { readonly kind: "block" } | { readonly kind: "inline"; readonly data: Uint8Array };

class TreeWalk {
  readonly #source: NodeSource;
  readonly #nodesMax: number;
  #nodes = 0;

  constructor(source: NodeSource, nodesMax: number) {
    this.#source = source;
    this.#nodesMax = nodesMax;
  }

  async *entries(target: LinkTarget, path: readonly string[]): AsyncGenerator<WalkedEntry> {
    const opened = await this.#open(target);
    if (opened.kind === "raw") {
      yield this.#file(opened, path, opened.bytes);
      return;
    }
    const { cid, node } = opened;
    switch (node.kind) {
      case "file":
        yield this.#file(opened, path, node.bytes);
        return;
      case "symlink":
        yield { kind: "symlink", path, target: readTarget(node.target) };
        return;
      case "directory":
        yield* this.#directory(namedOnce(cid, node.links), path);
        return;
      case "shard":
        yield* this.#directory(this.#spread(cid, node.links, []), path);
        return;
    }
  }

  async *#directory(
    links: AsyncIterable<ReadLink> | Iterable<ReadLink>,
    path: readonly string[],
  ): AsyncGenerator<WalkedEntry> {
    const depth = path.length;
    if (depth === TREE_DEPTH_MAX) throw treeTooLarge("directories inside each other", depth);
    yield { kind: "directory", path };
    for await (const { target, name } of links) yield* this.entries(target, [...path, name]);
  }

  #file(opened: Opened, path: readonly string[], bytes: number): WalkedFile {
    return { kind: "file", path, bytes, leaves: () => this.#leaves(opened, bytes, 0) };
  }

  /** The entries of a spread directory; `branches` lead to this node of it. */
  async *#spread(
    cid: Cid,
    links: readonly ReadLink[],
    branches: readonly number[],
  ): AsyncGenerator<ReadLink> {
    if (branches.length === NAME_HASH_BYTES) throw nodeMalformed(cid, "spread too deep");
    let last = -1;
    for (const { target, name: labelled } of links) {
      const branch = branchOf(labelled);
      if (branch === undefined || branch <= last) throw nodeMalformed(cid, "a branch out of order");
      last = branch;
      const way = [...branches, branch];
      const name = labelled.slice(LABEL_LENGTH);
      if (name !== "") {
        const nameWay = nameHash(nameBytes(name));
        if (way.some((index, depth) => index !== nameWay[depth])) {
          throw nodeMalformed(cid, "a name where its hash does not lead");
        }
        yield { target, name };
        continue;
      }
      const opened = await this.#open(target);
      if (opened.kind === "raw" || opened.node.kind !== "shard") {
        throw nodeMalformed(cid, "a branch that leads to something else");
      }
      yield* this.#spread(opened.cid, opened.node.links, way);
    }
  }

  async *#leaves(opened: Opened, bytes: number, depth: number): AsyncGenerator<Leaf> {
    const { cid } = opened;
    if (opened.kind === "raw") {
      if (opened.bytes !== bytes) throw nodeMalformed(cid, "a part of another size than was said");
      if (bytes > 0) yield await this.#rawLeaf(opened.leaf, { cid, bytes });
      return;
    }
    const { node } = opened;
    if (node.kind !== "file") throw nodeMalformed(cid, "a part of a file that is no file");
    if (node.bytes !== bytes) throw nodeMalformed(cid, "a part of another size than was said");
    if (depth === FILE_DEPTH_MAX) throw treeTooLarge("levels of nodes in a file", depth);
    if (node.data.length > 0) yield { kind: "bytes", data: node.data };
    for (const part of node.parts) {
      yield* this.#leaves(await this.#open(part.target), part.bytes, depth + 1);
    }
  }

  async #rawLeaf(leaf: RawLeaf, chunk: Chunk): Promise<Leaf> {
    if (leaf.kind === "inline") return { kind: "bytes", data: leaf.data };
    if (chunk.bytes <= CHUNK_BYTES_MAX) return { kind: "chunk", chunk };
    return { kind: "bytes", data: await blockOf(chunk.cid, this.#source) };
  }

  async #open(target: LinkTarget): Promise<Opened> {
    if (this.#nodes === this.#nodesMax) throw treeTooLarge("entries and nodes", this.#nodesMax);
    this.#nodes++;
    if (target.kind === "inline") {
      const { codec, data } = target;
      const cid = hash("sha256", data, "hex");
      if (codec === "dag-pb") return { kind: "node", cid, node: readNode(cid, data) };
      return { kind: "raw", cid, bytes: data.length, leaf: { kind: "inline", data } };
    }
    const { codec, block: cid } = target.id;
    if (codec === "dag-pb") {
      return { kind: "node", cid, node: readNode(cid, await blockOf(cid, this.#source)) };
    }
    const bytes = await this.#source.bytesOf(cid);
    if (bytes === undefined) throw nodeMissing(cid);
    return { kind: "raw", cid, bytes, leaf: { kind: "block" } };
  }
}

/** The links of a directory in one node, which are in the order of names. */
function* namedOnce(cid: Cid, links: readonly ReadLink[]): Generator<ReadLink> {
  let last: string | undefined;
  for (const link of links) {
    nameBytes(link.name);
    if (link.name === last) throw nodeMalformed(cid, "a name that is there twice");
    last = link.name;
    yield link;
  }
}

/** The branch that a link of a spread directory belongs to. */
function branchOf(name: string): number | undefined {
  const label = name.slice(0, LABEL_LENGTH);
  const index = Number.parseInt(label, 16);
  return branchLabel(index) === label ? index : undefined;
}

async function blockOf(cid: Cid, source: NodeSource): Promise<Uint8Array> {
  const data = await source.get(cid);
  if (data === undefined) throw nodeMissing(cid);
  return data;
}

function nodeMissing(cid: Cid): ContentError {
  return new ContentError(
    { code: "FS_NODE_MISSING", cid },
    "a block that a node names is not there",
  );
}
