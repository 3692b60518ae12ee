/**
 * Checks LevelDB's table files before LevelDB reads them. It was measured that a flipped bit in a
 * block makes LevelDB, which does not verify blocks when it reads them, abort the whole process or
 * miss a key in a damaged filter. A checked file is damage with a name instead.
 *
 * A table is a row of blocks, each followed by its compression (1 byte) and the masked CRC-32C of
 * both. The last 48 bytes say where two blocks are whose entries' values say where the others are:
 * the index (data blocks) and the meta index (filters).
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CRC32C_EMPTY, crc32c } from "../std/crc32c.ts";
import { damagedError } from "./errors.ts";
import { maskedCrc } from "./level-crc.ts";
import { LevelCursor } from "./level-cursor.ts";
import { fileError } from "./level-errors.ts";
import { liveTables } from "./level-manifest.ts";
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

/**
 * Reads every table that belongs to a database, which nobody has open; about 3 seconds per gigabyte.
 * @throws `STORE_DAMAGED` with the first file that is not what was written; `STORE_IO`.
 */
export async function checkTables(place: string): Promise<void> {
  const live = await liveTables(place);
  for (const name of await namesOf(place)) {
    if (!name.endsWith(".ldb") && !name.endsWith(".sst")) continue;
    if (live?.has(Number.parseInt(name, 10)) === false) continue;
    const bytes = await readFile(join(place, name)).catch((error: unknown) => {
      throw fileError(name, error);
    });
    const reason = tableDamage(bytes);
    if (reason !== undefined) throw damagedError(`the table ${name}`, reason);
  }
}

async function namesOf(place: string): Promise<readonly string[]> {
  try {
    return (await readdir(place)).sort();
  } catch (error) {
    throw fileError(place, error);
  }
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
