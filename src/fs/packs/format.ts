/**
 * Pack files, version 1. A pack is written whole, synced, and named only then; after that only the
 * marks of records that are dead change. Numbers are big endian.
 *
 *     pack     "jxp" 01 | records | index
 *     record   "jxr" 01 | uint32 length | 32 bytes of sha256 | crc32c of these | uint32 mark | bytes
 *     index    for each record, in order of sha256: sha256 | uint32 place | uint32 length
 *              then a byte of mark for each | "jxi" 01 | uint32 count | crc32c of all but the marks
 *
 * The index is in the pack, not beside it, so that one sync makes both durable and neither can be of
 * another time than the other. Where it is damaged or cut off, the records tell the same (`scan.ts`).
 * Marks stand outside of checksums, since they change in place: a record is dead only by exactly
 * that mark, so that no flipped bit takes a block away; one that brings a dead block back is harmless.
 */
import { assert } from "../../std/assert.ts";
import { equalBytes, readUint32, writeUint32 } from "../../std/bytes.ts";
import { CRC32C_EMPTY, crc32c } from "../../std/crc32c.ts";
import { DATA_BLOCK_BYTES_MAX } from "../../wire/run.ts";

/** Blocks below so many bytes may be packed: a larger one costs its file less than a tenth of what its bytes do, and lengths fit into 16 bits of memory. */
export const PACKED_BLOCK_BYTES = 64 * 1024;

/** A pack ends at so many bytes of records: enough that its flushes cost little, and few enough to hold, and to write again, at once. */
export const PACK_BYTES = 4 * 1024 * 1024;

/** Bytes of a record before its block. */
export const RECORD_HEADER_BYTES = 48;

/** Where in a record its mark is. */
export const MARK_AT = 44;

/** The mark of a record that is deleted; every other is that of a live one. */
export const DEAD_MARK = 0xdead_b10c;

/** The same in an index. */
export const DEAD_BYTE = 0xd1;

/** Bytes of a sha256. */
export const HASH_BYTES = 32;

/** Bytes of an index after its marks. */
export const TRAILER_BYTES = 12;

/** Bytes of a pack before its records. */
export const PACK_HEADER_BYTES = 4;

const VERSION = 1;
const PACK_MAGIC = Uint8Array.of(0x6a, 0x78, 0x70, VERSION);
const RECORD_MAGIC = Uint8Array.of(0x6a, 0x78, 0x72, VERSION);
const INDEX_MAGIC = Uint8Array.of(0x6a, 0x78, 0x69, VERSION);
const ENTRY_BYTES = HASH_BYTES + 8;
const CRC_AT = 40;

/** Longer files are no packs: the last record begins below `PACK_BYTES`, and an empty record has the largest index beside its size. */
export const PACK_BYTES_MAX = 2 * PACK_BYTES + PACKED_BLOCK_BYTES;

assert(PACKED_BLOCK_BYTES <= 2 ** 16, "a packed block's length has 16 bits in memory");
assert(PACKED_BLOCK_BYTES < DATA_BLOCK_BYTES_MAX, "a packed block is a block");

/** A block to be packed. */
export interface PackedBlock {
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

/** What an index says, by the place of a block in the order of hashes. */
export interface PackIndex {
  readonly count: number;
  /** 32 bytes for each. */
  readonly hashes: Uint8Array;
  /** Where records begin in the pack. */
  readonly places: Uint32Array;
  /** Bytes of the blocks. */
  readonly lengths: Uint16Array;
  /** 1 for what is dead. */
  readonly dead: Uint8Array;
}

/** What a record's header says. */
export interface RecordHeader {
  readonly hash: Uint8Array;
  readonly length: number;
  readonly isDead: boolean;
}

/** Bytes that a block takes with its header. */
export function recordBytes(block: Pick<PackedBlock, "bytes">): number {
  return RECORD_HEADER_BYTES + block.bytes.length;
}

/** A pack of these blocks, which are different ones, at least one, and together no longer than `PACK_BYTES` but for the last. */
export function encodePack(blocks: readonly PackedBlock[]): {
  readonly pack: Uint8Array;
  readonly index: PackIndex;
  readonly indexAt: number;
} {
  const recordsBytes = blocks.reduce((sum, block) => sum + recordBytes(block), 0);
  const count = blocks.length;
  const indexAt = PACK_HEADER_BYTES + recordsBytes;
  const pack = new Uint8Array(indexAt + count * (ENTRY_BYTES + 1) + TRAILER_BYTES);
  assert(count > 0 && pack.length <= PACK_BYTES_MAX, "a pack within bounds");
  pack.set(PACK_MAGIC);
  let at = PACK_HEADER_BYTES;
  const placed = blocks.map((block) => {
    const place = at;
    encodeRecord(pack, place, block);
    at += recordBytes(block);
    return { ...block, place };
  });
  placed.sort((left, right) => Buffer.compare(left.hash, right.hash));
  for (const [ordinal, { hash, place, bytes }] of placed.entries()) {
    const entry = indexAt + ordinal * ENTRY_BYTES;
    pack.set(hash, entry);
    writeUint32(pack, entry + HASH_BYTES, place);
    writeUint32(pack, entry + HASH_BYTES + 4, bytes.length);
  }
  const trailer = pack.length - TRAILER_BYTES;
  pack.set(INDEX_MAGIC, trailer);
  writeUint32(pack, trailer + 4, count);
  writeUint32(pack, trailer + 8, indexCrc(pack.subarray(indexAt), count));
  const index = indexOf(placed.map((one) => ({ ...one, length: one.bytes.length })));
  return { pack, index, indexAt };
}

/** The index of records that are in the order of their hashes. */
export function indexOf(
  records: readonly {
    readonly hash: Uint8Array;
    readonly place: number;
    readonly length: number;
    readonly isDead?: boolean;
  }[],
): PackIndex {
  const index = emptyIndex(records.length);
  for (const [ordinal, { hash, place, length, isDead = false }] of records.entries()) {
    index.hashes.set(hash, ordinal * HASH_BYTES);
    index.places[ordinal] = place;
    index.lengths[ordinal] = length;
    index.dead[ordinal] = isDead ? 1 : 0;
  }
  return index;
}

/** How long the index is of which these are the last bytes; undefined when they are not an index's. */
export function indexBytesOf(trailer: Uint8Array): number | undefined {
  if (trailer.length !== TRAILER_BYTES) return undefined;
  if (!equalBytes(trailer.subarray(0, 4), INDEX_MAGIC)) return undefined;
  const bytes = readUint32(trailer, 4) * (ENTRY_BYTES + 1) + TRAILER_BYTES;
  return bytes <= PACK_BYTES_MAX ? bytes : undefined;
}

/** Reads an index that begins at `indexAt` of its pack; undefined when it is damaged. */
export function decodeIndex(bytes: Uint8Array, indexAt: number): PackIndex | undefined {
  const count = readUint32(bytes, bytes.length - 8);
  if (bytes.length !== count * (ENTRY_BYTES + 1) + TRAILER_BYTES) return undefined;
  if (readUint32(bytes, bytes.length - 4) !== indexCrc(bytes, count)) return undefined;
  const index = emptyIndex(count);
  for (let ordinal = 0; ordinal < count; ordinal++) {
    const entry = ordinal * ENTRY_BYTES;
    const place = readUint32(bytes, entry + HASH_BYTES);
    const length = readUint32(bytes, entry + HASH_BYTES + 4);
    if (length >= PACKED_BLOCK_BYTES || place + RECORD_HEADER_BYTES + length > indexAt) {
      return undefined;
    }
    for (let at = 0; at < HASH_BYTES; at++) {
      index.hashes[ordinal * HASH_BYTES + at] = bytes[entry + at] ?? 0;
    }
    index.places[ordinal] = place;
    index.lengths[ordinal] = length;
    index.dead[ordinal] = bytes[count * ENTRY_BYTES + ordinal] === DEAD_BYTE ? 1 : 0;
  }
  return index;
}

/** Where the mark of a block is in an index of so many. */
export function indexMarkAt(count: number, ordinal: number): number {
  return count * ENTRY_BYTES + ordinal;
}

/** Reads the header of a record at `at`; undefined when there is none that is whole. */
export function decodeRecordHeader(bytes: Uint8Array, at: number): RecordHeader | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  if (!equalBytes(bytes.subarray(at, at + 4), RECORD_MAGIC)) return undefined;
  if (readUint32(bytes, at + CRC_AT) !== crc32c(CRC32C_EMPTY, bytes, at, at + CRC_AT)) {
    return undefined;
  }
  const length = readUint32(bytes, at + 4);
  if (length >= PACKED_BLOCK_BYTES) return undefined;
  return { hash: bytes.slice(at + 8, at + CRC_AT), length, isDead: isDeadRecord(bytes, at) };
}

/** Whether the record at `at`, whose header is there, bears the mark of the dead. */
export function isDeadRecord(bytes: Uint8Array, at: number): boolean {
  return readUint32(bytes, at + MARK_AT) === DEAD_MARK;
}

/** Whether these first bytes are those of a pack of another version, which a newer program wrote. */
export function isOtherVersion(start: Uint8Array): boolean {
  return (
    start.length >= PACK_HEADER_BYTES &&
    equalBytes(start.subarray(0, 3), PACK_MAGIC.subarray(0, 3)) &&
    start[3] !== VERSION
  );
}

function encodeRecord(pack: Uint8Array, at: number, { hash, bytes }: PackedBlock): void {
  assert(hash.length === HASH_BYTES, "a sha256");
  assert(bytes.length < PACKED_BLOCK_BYTES, "a small block");
  pack.set(RECORD_MAGIC, at);
  writeUint32(pack, at + 4, bytes.length);
  pack.set(hash, at + 8);
  writeUint32(pack, at + CRC_AT, crc32c(CRC32C_EMPTY, pack, at, at + CRC_AT));
  pack.set(bytes, at + RECORD_HEADER_BYTES);
}

function emptyIndex(count: number): PackIndex {
  return {
    count,
    hashes: new Uint8Array(count * HASH_BYTES),
    places: new Uint32Array(count),
    lengths: new Uint16Array(count),
    dead: new Uint8Array(count),
  };
}

function indexCrc(index: Uint8Array, count: number): number {
  const entries = crc32c(CRC32C_EMPTY, index, 0, count * ENTRY_BYTES);
  return crc32c(entries, index, index.length - TRAILER_BYTES, index.length - 4);
}
