/** Bytes and trees for tests of content, and what the IPFS importer makes of them. */
import { hash } from "node:crypto";
import { type ImportCandidate, type ImporterOptions, importer } from "ipfs-unixfs-importer";
import type { CID } from "multiformats/cid";
import { readCar } from "../../src/fs/content/car-reader.ts";
import type { Chunk } from "../../src/fs/content/chunk.ts";
import type { LinkTarget } from "../../src/fs/content/content-id.ts";
import type { NodeSource, TreeNode, TreeSource } from "../../src/fs/content/ports.ts";
import { type WalkOptions, walkedContent, walkTree } from "../../src/fs/content/tree-walk.ts";
import { seededRandom } from "../../src/std/random.ts";

/** Bytes that no two seeds have in common. */
export function randomBytes(length: number, seed = 1): Uint8Array {
  const random = seededRandom(seed);
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(length / 4));
  for (let at = 0; at < words.length; at++) words[at] = random.next() * 2 ** 32;
  for (let at = 4 * words.length; at < length; at++) bytes[at] = random.next() * 256;
  return bytes;
}

/** The name of a block. */
export function sha256(data: Uint8Array): string {
  return hash("sha256", data, "hex");
}

/** Bytes as a chunk. */
export function chunkFor(data: Uint8Array): Chunk {
  return { cid: sha256(data), bytes: data.length };
}

/** The bytes in pieces whose sizes a seed gives, also empty ones. */
export function* inPieces(
  bytes: Uint8Array,
  pieceBytesMax: number,
  seed = 1,
): Generator<Uint8Array> {
  const random = seededRandom(seed);
  for (let at = 0; at < bytes.length; ) {
    const end = at + Math.floor(random.next() * (pieceBytesMax + 1));
    yield bytes.subarray(at, end);
    at = end;
  }
}

/** All of a stream. */
export async function gather<Item>(source: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** What the importer stored, and the id of the whole. */
export interface Imported {
  readonly root: string;
  readonly treeBytes: number;
  /** By the text of their ids. */
  readonly blocks: ReadonlyMap<string, Uint8Array>;
}

/** Imports with the parameters that are ours, unless others are given. */
export async function imported(
  candidates: Iterable<ImportCandidate>,
  options: ImporterOptions = {},
): Promise<Imported> {
  const blocks = new Map<string, Uint8Array>();
  const store = {
    put(cid: CID, data: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>): CID {
      if (!(data instanceof Uint8Array)) throw new Error("the importer writes whole blocks");
      blocks.set(cid.toString(), data);
      return cid;
    },
  };
  const results = await gather(
    importer(candidates, store, { profile: "unixfs-v1-2025", ...options }),
  );
  const last = results.at(-1);
  if (last === undefined) throw new Error("nothing was imported");
  return { root: last.cid.toString(), treeBytes: Number(last.size), blocks };
}

/** A tree in memory, for exports. */
export type MemoryNode =
  | { readonly kind: "file"; readonly parts: readonly Uint8Array[] }
  | { readonly kind: "directory"; readonly entries: Readonly<Record<string, MemoryNode>> }
  | { readonly kind: "symlink"; readonly target: string };

/** A node as exports take it. */
export function treeNode(node: MemoryNode): TreeNode<MemoryNode> {
  return node.kind === "symlink" ? node : { kind: node.kind, ref: node };
}

/** The tree whose chunks are the parts of files. Counts what was read of it. */
export class MemoryTree implements TreeSource<MemoryNode> {
  reads = 0;
  readonly #chunks = new Map<string, Uint8Array>();

  async *entries(
    directory: MemoryNode,
  ): AsyncGenerator<{ readonly name: string; readonly node: TreeNode<MemoryNode> }> {
    if (directory.kind !== "directory") throw new Error("no directory");
    for (const [name, node] of Object.entries(directory.entries)) {
      yield { name, node: treeNode(node) };
    }
  }

  async *chunks(file: MemoryNode): AsyncGenerator<Chunk> {
    if (file.kind !== "file") throw new Error("no file");
    for (const part of file.parts) {
      const chunk = chunkFor(part);
      this.#chunks.set(chunk.cid, part);
      yield chunk;
    }
  }

  async read(chunk: Chunk): Promise<Uint8Array> {
    this.reads++;
    const data = this.#chunks.get(chunk.cid);
    if (data === undefined) throw new Error("no such chunk");
    return data;
  }
}

/** Blocks in memory, by their hash. */
export class MemoryBlocks implements NodeSource {
  readonly blocks = new Map<string, Uint8Array>();

  add(data: Uint8Array): string {
    const cid = sha256(data);
    this.blocks.set(cid, data);
    return cid;
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    return this.blocks.get(cid);
  }

  async bytesOf(cid: string): Promise<number | undefined> {
    return this.blocks.get(cid)?.length;
  }
}

/** A stream of these buffers. */
export async function* streamOf(buffers: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* buffers;
}

/** Reads an archive into memory. */
export async function loadedCar(
  buffers: Iterable<Uint8Array>,
): Promise<{ root: LinkTarget; source: MemoryBlocks }> {
  const source = new MemoryBlocks();
  let root: LinkTarget | undefined;
  for await (const part of readCar(streamOf(buffers))) {
    if (part.kind === "root") root = part.root;
    else source.add(part.block.data);
  }
  if (root === undefined) throw new Error("readCar always tells the root");
  return { root, source };
}

/** What a walk finds, with each file's content as its hash and how many of its leaves are chunks. */
export async function walked(
  root: LinkTarget,
  source: NodeSource,
  options: WalkOptions = {},
): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for await (const entry of walkTree(root, source, options)) {
    const path = `/${entry.path.join("/")}`;
    if (entry.kind !== "file") {
      found[path] = entry.kind === "symlink" ? `-> ${entry.target}` : "directory";
      continue;
    }
    const content = Buffer.concat(await gather(walkedContent(entry, source)));
    const kinds = (await gather(entry.leaves())).map(({ kind }) => kind);
    const chunks = kinds.filter((kind) => kind === "chunk").length;
    if (content.length !== entry.bytes) throw new Error("a file has the size that was said");
    found[path] = `${chunks} of ${kinds.length} are chunks, ${sha256(content).slice(0, 8)}`;
  }
  return found;
}
