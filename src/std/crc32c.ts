/**
 * CRC-32C (Castagnoli), the checksum of every record on disk. It finds any burst of up to 32 bits
 * and any odd number of flipped bits; it is no protection against an attacker.
 */
import { assert } from "./assert.ts";

/** The polynomial 0x1EDC6F41 with its bits reversed, as the register shifts to the right. */
const POLYNOMIAL_REVERSED = 0x82f63b78;

/** Bytes taken per round of the main loop; each needs a table of its own. */
const SLICES = 8;

const TABLES = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let register = byte;
    for (let bit = 0; bit < 8; bit++) {
      register = register & 1 ? (register >>> 1) ^ POLYNOMIAL_REVERSED : register >>> 1;
    }
    tables[byte] = register;
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const shorter = at(tables, (slice - 1) * 256 + byte);
      tables[slice * 256 + byte] = (shorter >>> 8) ^ at(tables, shorter & 0xff);
    }
  }
  return tables;
}

/** A table's element. Apart from `byteAt`, so that each sees one kind of array and stays fast. */
function at(table: Int32Array, index: number): number {
  return table[index] ?? 0;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

/** The checksum of no bytes: where a running checksum begins. */
export const CRC32C_EMPTY = 0;

/**
 * The checksum of what `crc` covered followed by `bytes[begin, end)`; an unsigned 32-bit number.
 * `crc32c(crc32c(CRC32C_EMPTY, a), b)` is the checksum of a and b joined.
 */
export function crc32c(crc: number, bytes: Uint8Array, begin = 0, end = bytes.length): number {
  assert(begin >= 0 && begin <= end && end <= bytes.length, "the range lies inside the bytes");
  const tables = TABLES;
  let register = ~crc;
  let position = begin;
  for (; position + SLICES <= end; position += SLICES) {
    const low =
      register ^
      (byteAt(bytes, position) |
        (byteAt(bytes, position + 1) << 8) |
        (byteAt(bytes, position + 2) << 16) |
        (byteAt(bytes, position + 3) << 24));
    register =
      at(tables, 1792 + (low & 0xff)) ^
      at(tables, 1536 + ((low >>> 8) & 0xff)) ^
      at(tables, 1280 + ((low >>> 16) & 0xff)) ^
      at(tables, 1024 + (low >>> 24)) ^
      at(tables, 768 + byteAt(bytes, position + 4)) ^
      at(tables, 512 + byteAt(bytes, position + 5)) ^
      at(tables, 256 + byteAt(bytes, position + 6)) ^
      at(tables, byteAt(bytes, position + 7));
  }
  for (; position < end; position++) {
    register = (register >>> 8) ^ at(tables, (register ^ byteAt(bytes, position)) & 0xff);
  }
  return ~register >>> 0;
}

/**
 * Like {@link crc32c} over the bytes of a latin1 string: one byte per character.
 * Every character is at most U+00FF; higher bits would be lost and are a mistake of the caller.
 */
export function crc32cLatin1(crc: number, text: string): number {
  let register = ~crc;
  for (let position = 0; position < text.length; position++) {
    register = (register >>> 8) ^ at(TABLES, (register ^ text.charCodeAt(position)) & 0xff);
  }
  return ~register >>> 0;
}
