/** Bytes and trees for tests of content, and what the IPFS importer makes of them. */
import { hash } from "node:crypto";
import { type ImportCandidate, type ImporterOptions, importer } from "ipfs-unixfs-importer";
import type { CID } from "multiformats/cid";
import type { Chunk } from "../../src/fs/content/chunk.ts";
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
