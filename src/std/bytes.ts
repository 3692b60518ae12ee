/** Small helpers for bytes, without the machine: order, joining, hexadecimal, numbers in bytes. */
import { assert } from "./assert.ts";

/** Longest varint: eight groups of seven bits hold every safe integer that a format here may carry. */
const VARINT_BYTES_MAX = 8;

/** Largest number that `writeVarint` takes: 2^53 - 1, so that it is exact in a JavaScript number. */
export const VARINT_MAX = Number.MAX_SAFE_INTEGER;

/** Order of two byte strings, as unsigned bytes, shorter first: negative, zero or positive. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Whether both hold the same bytes. Not for secrets: the time depends on the content. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && compareBytes(left, right) === 0;
}

/** A new array with all parts one after the other. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

const HEX_DIGITS = "0123456789abcdef";

/** Lower-case hexadecimal, two digits for each byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_DIGITS.charAt(byte >> 4) + HEX_DIGITS.charAt(byte & 15);
  return text;
}

/** Bytes of lower-case hexadecimal text; undefined when it is anything else. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    const high = HEX_DIGITS.indexOf(text.charAt(2 * at));
    const low = HEX_DIGITS.indexOf(text.charAt(2 * at + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[at] = high * 16 + low;
  }
  return bytes;
}

/** Writes the low 32 bits of a number, big endian, at `at`. */
export function writeUint32(target: Uint8Array, at: number, value: number): void {
  assert(at >= 0 && at + 4 <= target.length, "the number fits in its place");
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

/** Reads 32 bits, big endian, unsigned. The caller has checked that they are there. */
export function readUint32(bytes: Uint8Array, at: number): number {
  assert(at >= 0 && at + 4 <= bytes.length, "the number is inside of the bytes");
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return high * 65_536 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
}

/** How many bytes the varint of `value` takes. `value` is an integer from 0 to `VARINT_MAX`. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let length = 2;
  for (let rest = Math.floor(value / 0x4000); rest > 0; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/**
 * Writes `value` in groups of seven bits, lowest first, a high bit meaning that more follow.
 * Returns the place after it. Every number has one encoding only: the shortest.
 */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  assert(value >= 0 && value <= VARINT_MAX && Number.isInteger(value), "a varint is a safe count");
  let place = at;
  let rest = value;
  while (rest >= 0x80) {
    target[place++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[place++] = rest;
  assert(place <= target.length, "the varint fits in its place");
  return place;
}

/**
 * Reads a varint that lies wholly before `end`. Gives -1 for what `writeVarint` does not write:
 * cut short, longer than needed, or beyond `VARINT_MAX`. Its length is `varintLength` of the value.
 */
export function readVarint(bytes: Uint8Array, at: number, end: number = bytes.length): number {
  let value = 0;
  let factor = 1;
  const stop = Math.min(end, at + VARINT_BYTES_MAX);
  for (let place = at; place < stop; place++) {
    const byte = bytes[place] ?? 0;
    if (byte < 0x80) {
      const last = byte * factor;
      if ((byte === 0 && place > at) || value + last > VARINT_MAX) return -1;
      return value + last;
    }
    value += (byte - 0x80) * factor;
    factor *= 0x80;
  }
  return -1;
}
