/**
 * What a whole table file of LevelDB looks like.
 *
 * A table is a row of blocks, each followed by its compression (1 byte) and the masked CRC-32C of
 * both. The last 48 bytes say where two blocks are whose entries' values say where the others are:
 * the index (data blocks) and the meta index (filters).
 */
import { CRC32C_EMPTY, crc32c } from "../std/crc32c.ts";
import { maskedCrc } from "./level-crc.ts";
import { LevelCursor } from "./level-cursor.ts";
import { unsnap } from "./unsnap.ts";

const FOOTER_BYTES = 48;
/** The last 8 bytes of a table, as two little-endian halves. */
const MAGIC_LOW = 0x8b80fb57;
const MAGIC_HIGH = 0xdb477524;
const TRAILER_BYTES = 5;
const COMPRESSION = { none: 0, snappy: 1 } as const;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/** Why the bytes are not a whole table; undefined when they are. */
export function tableDamage(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FOOTER_BYTES) return "it is too short";
  if (
    view.getUint32(bytes.length - 8, true) !== MAGIC_LOW ||
    view.getUint32(bytes.length - 4, true) !== MAGIC_HIGH
  )
    return "its end is not that of a table";
  const footer = new LevelCursor(bytes, bytes.length - FOOTER_BYTES);
  for (const top of [handleAt(footer), handleAt(footer)]) {
    const block = openBlock(bytes, view, top);
    if (block === undefined) return "the checksum of an index does not fit";
    const handles = handlesIn(block);
    if (handles === undefined) return "an index cannot be read";
    for (const handle of handles)
      if (!isWhole(bytes, view, handle)) return "the checksum of a block does not fit";
  }
  return undefined;
}

function handleAt(cursor: LevelCursor): Handle {
  return { offset: cursor.uint(), size: cursor.uint() };
}

function isWhole(bytes: Uint8Array, view: DataView, { offset, size }: Handle): boolean {
  if (offset + size + TRAILER_BYTES > bytes.length - FOOTER_BYTES) return false;
  const masked = view.getUint32(offset + size + 1, true);
  const sum = crc32c(CRC32C_EMPTY, bytes, offset, offset + size + 1);
  return maskedCrc(sum) === masked;
}

function openBlock(bytes: Uint8Array, view: DataView, handle: Handle): Uint8Array | undefined {
  if (!isWhole(bytes, view, handle)) return undefined;
  const end = handle.offset + handle.size;
  const content = bytes.subarray(handle.offset, end);
  if (bytes[end] === COMPRESSION.none) return content;
  return bytes[end] === COMPRESSION.snappy ? unsnap(content) : undefined;
}

/** The values of a block's entries, which are handles; keys are passed over. */
function handlesIn(block: Uint8Array): readonly Handle[] | undefined {
  if (block.length < 4) return undefined;
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const end = block.length - 4 - 4 * view.getUint32(block.length - 4, true);
  const handles: Handle[] = [];
  const cursor = new LevelCursor(block, 0);
  while (cursor.at < end) {
    cursor.uint(); // What the key shares with the one before.
    const keyBytes = cursor.uint();
    const valueBytes = cursor.uint();
    const valueAt = cursor.at + keyBytes;
    if (valueAt + valueBytes > end) return undefined;
    handles.push(handleAt(new LevelCursor(block, valueAt)));
    cursor.at = valueAt + valueBytes;
  }
  return handles;
}
