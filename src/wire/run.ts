/**
 * Runs as blocks. A *data block* is pairs, then the places of every sixteenth pair, then a footer; a
 * *manifest block* lists the data blocks of one run in order. Both carry a format version.
 *
 *     data block  pairs | uint32 place of pairs 0, 16, 32, … | uint32 count of pairs | "jxd" 01
 *     manifest    "jxm" 01 | order | varints: count, bytes, blocks | for each block: 32 bytes of
 *                 sha256, varints bytes and count, varint length and bytes of its first key's start
 *
 * There is no second level of manifests: a run is bounded by `RUN_BLOCKS_MAX`, about 4 GiB of pairs,
 * and a longer stream of pairs is several runs, which is what a dataset allows anyway.
 */
import { assert } from "../std/assert.ts";
import {
  compareBytes,
  concatBytes,
  fromHex,
  readUint32,
  readVarint,
  toHex,
  varintLength,
  writeUint32,
  writeVarint,
} from "../std/bytes.ts";
import { JobxError } from "../std/errors.ts";
import type { Cid, PairOrder } from "./dataset.ts";
import { RECORD_BYTES_MAX, RecordCursor } from "./pairs.ts";

/** Bytes that are no block of a run. */
export type RunErrorDetails = {
  readonly code: "RUN_MALFORMED";
  readonly part: "data" | "manifest";
  readonly reason: string;
};

/** Most bytes of pairs in one data block, but a single larger pair may have a block of its own. */
export const BLOCK_RECORDS_BYTES = 1024 * 1024;

/** The place of every such pair is in the block: places of all would be a third of small pairs. */
export const PLACE_STRIDE = 16;

/** Most data blocks of one run: keeps every manifest under 1 MiB, whatever the keys are. */
export const RUN_BLOCKS_MAX = 4096;

/** How much of a block's first key its manifest holds: enough to tell keys apart in practice. */
export const FIRST_KEY_BYTES_MAX = 128;

const FOOTER_BYTES = 8;
const DATA_MAGIC = Uint8Array.of(0x6a, 0x78, 0x64, 1);
const MANIFEST_MAGIC = Uint8Array.of(0x6a, 0x78, 0x6d, 1);
const ORDERS = ["yield", "key"] as const satisfies readonly PairOrder[];
const HASH_BYTES = 32;

/** Largest data block: one pair of the largest size, its place and the footer. */
export const DATA_BLOCK_BYTES_MAX = RECORD_BYTES_MAX + 4 + FOOTER_BYTES;

/** Largest manifest block, bytes. */
export const MANIFEST_BYTES_MAX = 1024 * 1024;

// sha256, bytes of a block in four, count in three, length of the key in two, and the key.
assert(
  64 + RUN_BLOCKS_MAX * (HASH_BYTES + 4 + 3 + 2 + FIRST_KEY_BYTES_MAX) <= MANIFEST_BYTES_MAX,
  "the longest run has a manifest of the allowed size",
);

/** Whether the bytes may be a block of a run, of any version: what looks like none is none. */
export function isRunBlock(bytes: Uint8Array): boolean {
  const tail = bytes.length - DATA_MAGIC.length;
  return beginsWith(bytes, MANIFEST_MAGIC, 0) || (tail >= 0 && beginsWith(bytes, DATA_MAGIC, tail));
}

/** The letters of a magic; its last byte is the version. */
function beginsWith(bytes: Uint8Array, magic: Uint8Array, at: number): boolean {
  return magic.subarray(0, -1).every((byte, index) => bytes[at + index] === byte);
}

/** One data block, as its run's manifest lists it. */
export interface DataBlockEntry {
  readonly cid: Cid;
  /** Bytes of the whole block. */
  readonly bytes: number;
  /** Pairs in it, at least one. */
  readonly count: number;
  /** The first `FIRST_KEY_BYTES_MAX` bytes of its first key: no key in it sorts before them. */
  readonly firstKey: Uint8Array;
}

/** What a manifest block says. */
export interface RunManifest {
  readonly order: PairOrder;
  /** Pairs in all blocks. */
  readonly count: number;
  /** Bytes of all data blocks. */
  readonly bytes: number;
  readonly blocks: readonly DataBlockEntry[];
}

/** Puts a data block together, pair by pair; used again for the next block after `finish`. */
export class DataBlockBuilder {
  #records = new Uint8Array(4096);
  #length = 0;
  #count = 0;
  #places: number[] = [];
  #firstKey = new Uint8Array(0);

  /** Bytes of the pairs so far. */
  get recordsBytes(): number {
    return this.#length;
  }

  /** Pairs so far. */
  get count(): number {
    return this.#count;
  }

  /** The pairs alone, without places and footer, as a new array. */
  records(): Uint8Array {
    return this.#records.slice(0, this.#length);
  }

  /** Whether the pair at `cursor` may still go into this block. */
  fits(cursor: RecordCursor): boolean {
    const length = cursor.recordEnd - cursor.recordStart;
    return this.#count === 0 || this.#length + length <= BLOCK_RECORDS_BYTES;
  }

  /** Adds the pair at `cursor`, which `fits`. */
  append(cursor: RecordCursor): void {
    assert(this.fits(cursor), "a pair goes into a block that has room for it");
    const end = this.#length + (cursor.recordEnd - cursor.recordStart);
    if (end > this.#records.length) this.#grow(end);
    if (this.#count === 0) this.#firstKey = cursor.key().slice(0, FIRST_KEY_BYTES_MAX);
    if (this.#count % PLACE_STRIDE === 0) this.#places.push(this.#length);
    cursor.copyTo(this.#records, this.#length);
    this.#length = end;
    this.#count++;
  }

  /** The block of at least one pair, and what its entry in a manifest needs besides the hash. */
  finish(): { readonly block: Uint8Array; readonly count: number; readonly firstKey: Uint8Array } {
    assert(this.#count > 0, "a data block holds a pair");
    const tableBytes = 4 * this.#places.length;
    const block = new Uint8Array(this.#length + tableBytes + FOOTER_BYTES);
    block.set(this.#records.subarray(0, this.#length));
    let at = this.#length;
    for (const place of this.#places) {
      writeUint32(block, at, place);
      at += 4;
    }
    writeUint32(block, at, this.#count);
    block.set(DATA_MAGIC, at + 4);
    const finished = { block, count: this.#count, firstKey: this.#firstKey };
    this.clear();
    return finished;
  }

  /** Forgets the pairs. What one large pair took is given back. */
  clear(): void {
    if (this.#records.length > BLOCK_RECORDS_BYTES) {
      this.#records = new Uint8Array(BLOCK_RECORDS_BYTES);
    }
    this.#length = 0;
    this.#count = 0;
    this.#places = [];
  }

  #grow(needed: number): void {
    const doubled = Math.min(2 * this.#records.length, BLOCK_RECORDS_BYTES);
    const grown = new Uint8Array(Math.max(doubled, needed));
    grown.set(this.#records.subarray(0, this.#length));
    this.#records = grown;
  }
}

/** A data block that was taken apart; its pairs are read in place. */
export class DataBlock {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #recordsEnd: number;

  /**
   * Checks footer and places; the pairs themselves are checked as they are read.
   * @throws {JobxError} `RUN_MALFORMED` for bytes that are no data block.
   */
  constructor(bytes: Uint8Array) {
    const footer = bytes.length - FOOTER_BYTES;
    if (footer < 0) throw malformed("data", "too short");
    if (bytes.length > DATA_BLOCK_BYTES_MAX) throw malformed("data", "too long");
    if (compareBytes(bytes.subarray(footer + 4), DATA_MAGIC) !== 0) {
      throw malformed("data", "not a data block of a known version");
    }
    const count = readUint32(bytes, footer);
    const recordsEnd = footer - 4 * Math.ceil(count / PLACE_STRIDE);
    if (count === 0 || recordsEnd <= 0) throw malformed("data", "a count that cannot be");
    let last = -1;
    for (let at = recordsEnd; at < footer; at += 4) {
      const place = readUint32(bytes, at);
      const first = at === recordsEnd;
      if (place <= last || place >= recordsEnd || (first && place !== 0)) {
        throw malformed("data", "places that do not rise inside of the pairs");
      }
      last = place;
    }
    this.count = count;
    this.#bytes = bytes;
    this.#recordsEnd = recordsEnd;
  }

  /**
   * A cursor whose `next` goes to pair `index` (from 0), without reading the blocks or, but for
   * fifteen, the pairs before it.
   * @throws {JobxError} `PAIRS_MALFORMED`, `RUN_MALFORMED` when the pairs on the way are no pairs.
   */
  cursorAt(index: number): RecordCursor {
    assert(index >= 0 && index < this.count, "a pair of this block");
    const place = this.#recordsEnd + 4 * Math.floor(index / PLACE_STRIDE);
    const range = { start: readUint32(this.#bytes, place), end: this.#recordsEnd };
    const cursor = new RecordCursor(this.#bytes, range);
    for (let skip = index % PLACE_STRIDE; skip > 0; skip--) {
      if (!cursor.next()) throw malformed("data", "fewer pairs than counted");
    }
    return cursor;
  }
}

/** The bytes of a manifest; its totals are those of its blocks, and there is at least one block. */
export function encodeManifest(manifest: RunManifest): Uint8Array {
  const { order, blocks } = manifest;
  assert(
    blocks.length > 0 && blocks.length <= RUN_BLOCKS_MAX,
    "a run has blocks, and not too many",
  );
  const head = [varint(manifest.count), varint(manifest.bytes), varint(blocks.length)];
  const encoded = concatBytes([
    MANIFEST_MAGIC,
    Uint8Array.of(ORDERS.indexOf(order)),
    ...head,
    ...blocks.flatMap(encodeEntry),
  ]);
  assert(encoded.length <= MANIFEST_BYTES_MAX, "a manifest fits into a block");
  return encoded;
}

function encodeEntry(entry: DataBlockEntry): readonly Uint8Array[] {
  const hash = fromHex(entry.cid);
  assert(hash?.length === HASH_BYTES, "a content id is a sha256");
  assert(entry.firstKey.length <= FIRST_KEY_BYTES_MAX, "the start of a key is bounded");
  return [
    hash,
    varint(entry.bytes),
    varint(entry.count),
    varint(entry.firstKey.length),
    entry.firstKey,
  ];
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/**
 * What a manifest block says.
 * @throws {JobxError} `RUN_MALFORMED` for bytes that are no manifest, or one that contradicts itself.
 */
export function decodeManifest(bytes: Uint8Array): RunManifest {
  if (bytes.length > MANIFEST_BYTES_MAX) throw malformed("manifest", "too long");
  const reader = new ManifestReader(bytes);
  if (compareBytes(reader.bytes(MANIFEST_MAGIC.length), MANIFEST_MAGIC) !== 0) {
    throw malformed("manifest", "not a manifest of a known version");
  }
  const order = ORDERS[reader.varint(ORDERS.length - 1)] ?? "yield";
  const [count, total, length] = [reader.varint(), reader.varint(), reader.varint(RUN_BLOCKS_MAX)];
  const blocks: DataBlockEntry[] = [];
  for (let index = 0; index < length; index++) blocks.push(reader.entry());
  reader.end();
  const manifest: RunManifest = { order, count, bytes: total, blocks };
  checkManifest(manifest);
  return manifest;
}

function checkManifest(manifest: RunManifest): void {
  const { blocks, order } = manifest;
  if (blocks.length === 0) throw malformed("manifest", "no blocks");
  const count = blocks.reduce((sum, block) => sum + block.count, 0);
  const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
  if (count !== manifest.count || bytes !== manifest.bytes) {
    throw malformed("manifest", "totals that are not those of its blocks");
  }
  if (order !== "key") return;
  let last = new Uint8Array(0);
  for (const { firstKey } of blocks) {
    if (compareBytes(last, firstKey) > 0) throw malformed("manifest", "blocks out of order");
    last = firstKey.slice();
  }
}

class ManifestReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed("manifest", "cut short");
    const part = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return part;
  }

  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    const value = readVarint(this.#bytes, this.#at);
    if (value < 0 || value > max) throw malformed("manifest", "a number that cannot be");
    this.#at += varintLength(value);
    return value;
  }

  entry(): DataBlockEntry {
    const cid = toHex(this.bytes(HASH_BYTES));
    const bytes = this.varint(DATA_BLOCK_BYTES_MAX);
    const count = this.varint(bytes);
    if (count === 0) throw malformed("manifest", "a block without pairs");
    return { cid, bytes, count, firstKey: this.bytes(this.varint(FIRST_KEY_BYTES_MAX)) };
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("manifest", "bytes after the blocks");
  }
}

function malformed(part: RunErrorDetails["part"], reason: string): JobxError<RunErrorDetails> {
  return new JobxError({ code: "RUN_MALFORMED", part, reason }, `${part} of a run: ${reason}`);
}
