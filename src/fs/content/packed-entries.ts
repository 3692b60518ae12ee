/**
 * The entries of one directory as bytes, of which those of one branch are made into objects at a time: some 70 bytes
 * and the name for each, where objects take ten times as much.
 */
import { assert } from "../../std/assert.ts";
import { fromHex, toHex } from "../../std/bytes.ts";
import type { Codec } from "./content-id.ts";
import type { HashedEntry } from "./directory.ts";
import { NAME_HASH_BYTES } from "./name-hash.ts";
import { type Link, SHARD_FANOUT } from "./node.ts";

/** Bytes that are taken at once. */
const SLAB_BYTES = 64 * 1024;

const DIGEST_BYTES = 32;
const TREE_BYTES_AT = NAME_HASH_BYTES + DIGEST_BYTES;
const CODEC_AT = TREE_BYTES_AT + 8;
const LENGTH_AT = CODEC_AT + 1;
/** Before the name: its hash, the block, the bytes of the tree, the codec, how long the name is. */
const HEAD_BYTES = LENGTH_AT + 2;

const CODECS: readonly Codec[] = ["raw", "dag-pb"];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export class PackedEntries {
  readonly #slabs: Slab[] = [];
  /** Bytes that are used of the last slab. */
  #used = SLAB_BYTES;
  /** Where each entry of a branch begins, over all slabs. */
  readonly #branches: number[][] = Array.from({ length: SHARD_FANOUT }, () => []);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#slabs.length * SLAB_BYTES;
  }

  /** `bytes` are those of a name that may be; `hash` is theirs. */
  add(entry: { readonly bytes: Uint8Array; readonly hash: Uint8Array; readonly link: Link }): void {
    const { bytes, hash, link } = entry;
    const length = HEAD_BYTES + bytes.length;
    assert(length <= SLAB_BYTES && hash.length === NAME_HASH_BYTES, "an entry fits a slab");
    const { slab, at } = this.#room(length);
    const digest = fromHex(link.id.block);
    assert(digest?.length === DIGEST_BYTES, "a block is named by its sha256");
    slab.bytes.set(hash, at);
    slab.bytes.set(digest, at + NAME_HASH_BYTES);
    slab.view.setFloat64(at + TREE_BYTES_AT, link.treeBytes);
    slab.view.setUint8(at + CODEC_AT, CODECS.indexOf(link.id.codec));
    slab.view.setUint16(at + LENGTH_AT, bytes.length);
    slab.bytes.set(bytes, at + HEAD_BYTES);
    this.#branches[hash[0] ?? 0]?.push((this.#slabs.length - 1) * SLAB_BYTES + at);
    this.#count += 1;
  }

  /** Those whose hash begins with this byte, in the order in which they came. */
  branch(first: number): HashedEntry[] {
    return (this.#branches[first] ?? []).map((at) => this.#read(at));
  }

  #read(from: number): HashedEntry {
    const slab = this.#slabs[Math.floor(from / SLAB_BYTES)];
    assert(slab !== undefined, "it was added");
    const at = from % SLAB_BYTES;
    const length = slab.view.getUint16(at + LENGTH_AT);
    const bytes = slab.bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    const block = toHex(slab.bytes.subarray(at + NAME_HASH_BYTES, at + TREE_BYTES_AT));
    const codec = CODECS[slab.view.getUint8(at + CODEC_AT)];
    assert(codec !== undefined, "it was added with one");
    const treeBytes = slab.view.getFloat64(at + TREE_BYTES_AT);
    const hash = slab.bytes.subarray(at, at + NAME_HASH_BYTES);
    return { name: decoder.decode(bytes), hash, link: { id: { codec, block }, treeBytes } };
  }

  #room(length: number): { readonly slab: Slab; readonly at: number } {
    let slab = this.#slabs.at(-1);
    if (slab === undefined || this.#used + length > SLAB_BYTES) {
      const bytes = new Uint8Array(SLAB_BYTES);
      slab = { bytes, view: new DataView(bytes.buffer) };
      this.#slabs.push(slab);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += length;
    return { slab, at };
  }
}
