/**
 * Records on disk: a checksum over key and content, a format version, then fields. A record that
 * was moved under another key, cut, or changed in any bit does not open.
 *
 *     bytes 0..3  CRC-32C of the key, then of everything from byte 4 on; little-endian
 *     byte  4     format version of the content, 1 to 255
 *     from  5     the content
 */
import { assert, unreachable } from "../std/assert.ts";
import { CRC32C_EMPTY, crc32c, crc32cLatin1 } from "../std/crc32c.ts";

/** Bytes before the content. */
export const RECORD_HEADER_BYTES = 5;

const VERSION_AT = 4;

/** Bytes of the largest number that `RecordWriter.uint` takes, seven bits in each. */
const UINT_BYTES_MAX = 8;

/** A record after reading: its content, or why there is none. */
export type OpenedRecord =
  | { readonly kind: "ok"; readonly version: number; readonly content: Uint8Array }
  | { readonly kind: "damaged" }
  /** Whole, but of a version above the one that was asked for (R10). */
  | { readonly kind: "version-unknown"; readonly version: number };

/** Checks a record; `key` is latin1. The content is a view of `value`. */
export function openRecord(
  key: string,
  record: { readonly value: Uint8Array; readonly versionMax: number },
): OpenedRecord {
  const { value, versionMax } = record;
  const version = value[VERSION_AT];
  if (version === undefined) return { kind: "damaged" };
  if (checksum(key, value) !== readChecksum(value)) return { kind: "damaged" };
  if (version > versionMax) return { kind: "version-unknown", version };
  if (version === 0) return { kind: "damaged" };
  return { kind: "ok", version, content: value.subarray(RECORD_HEADER_BYTES) };
}

/** A record around a content that exists already; `key` is latin1. */
export function sealRecord(
  key: string,
  record: { readonly version: number; readonly content: Uint8Array },
): Uint8Array {
  const value = new Uint8Array(RECORD_HEADER_BYTES + record.content.length);
  value.set(record.content, RECORD_HEADER_BYTES);
  seal(key, { value, version: record.version });
  return value;
}

function seal(key: string, record: { readonly value: Uint8Array; readonly version: number }): void {
  const { value, version } = record;
  assert(
    Number.isInteger(version) && version >= 1 && version <= 255,
    "a version is a byte above 0",
  );
  value[VERSION_AT] = version;
  const sum = checksum(key, value);
  for (let byte = 0; byte < VERSION_AT; byte++) value[byte] = sum >>> (byte * 8);
}

function checksum(key: string, value: Uint8Array): number {
  return crc32c(crc32cLatin1(CRC32C_EMPTY, key), value, VERSION_AT);
}

function readChecksum(value: Uint8Array): number {
  let sum = 0;
  for (let byte = VERSION_AT - 1; byte >= 0; byte--) sum = (sum << 8) | (value[byte] ?? 0);
  return sum >>> 0;
}

/** Writes a record's fields one after the other into one buffer that grows. */
export class RecordWriter {
  #buffer: Uint8Array;
  #length = RECORD_HEADER_BYTES;

  /** @param contentBytes how large the content will be, if known; saves growing. */
  constructor(contentBytes = 64) {
    this.#buffer = new Uint8Array(RECORD_HEADER_BYTES + contentBytes);
  }

  /** A whole number from 0 to 2^53 - 1; small ones take one byte. */
  uint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a field is a whole number, not negative");
    this.#reserve(UINT_BYTES_MAX);
    let rest = value;
    // Shifting works on 32 bits only; what is above goes by division first.
    while (rest >= 2 ** 31) {
      this.#buffer[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      this.#buffer[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  /** Bytes with their length before them. */
  bytes(value: Uint8Array): void {
    this.uint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** A latin1 string with its length before it. */
  text(value: string): void {
    this.uint(value.length);
    this.#reserve(value.length);
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      assert(code <= 0xff, "a text field is latin1");
      this.#buffer[this.#length++] = code;
    }
  }

  /** The record, sealed for `key`. The writer must not be used afterwards. */
  seal(key: string, version: number): Uint8Array {
    const value = this.#buffer.subarray(0, this.#length);
    seal(key, { value, version });
    return value;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/**
 * Reads what `RecordWriter` wrote. It never throws: from the first field that is not there on,
 * everything reads as zero or empty, and `complete` says no.
 */
export class RecordReader {
  readonly #content: Uint8Array;
  #at = 0;
  #failed = false;

  constructor(content: Uint8Array) {
    this.#content = content;
  }

  /** Whether every field was there and nothing is left. */
  get complete(): boolean {
    return !this.#failed && this.#at === this.#content.length;
  }

  /** Whether a field was missing so far; loops over counts must look, or they run long for nothing. */
  get failed(): boolean {
    return this.#failed;
  }

  uint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < UINT_BYTES_MAX; count++) {
      const byte = this.#content[this.#at];
      if (byte === undefined || this.#failed) break;
      this.#at++;
      value += (byte & 127) * scale;
      if (byte < 128) return Number.isSafeInteger(value) ? value : this.#fail(0);
      scale *= 128;
    }
    return this.#fail(0);
  }

  /** A view of the record. */
  bytes(): Uint8Array {
    const length = this.uint();
    const end = this.#at + length;
    if (this.#failed || end > this.#content.length) return this.#fail(new Uint8Array());
    const value = this.#content.subarray(this.#at, end);
    this.#at = end;
    return value;
  }

  text(): string {
    let text = "";
    for (const byte of this.bytes()) text += String.fromCharCode(byte);
    return text;
  }

  #fail<T>(value: T): T {
    this.#failed = true;
    return value;
  }
}

/** What reading a record gives: its meaning, or why there is none. */
export type Decoded<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "damaged"; readonly reason: string }
  | { readonly kind: "version-unknown"; readonly version: number };

/**
 * Opens a record and reads its fields; undefined from `read` means that they make no sense.
 * `key` is latin1.
 */
export function decodeRecord<T>(
  record: { readonly key: string; readonly value: Uint8Array; readonly versionMax: number },
  read: (reader: RecordReader) => T | undefined,
): Decoded<T> {
  const opened = openRecord(record.key, record);
  switch (opened.kind) {
    case "damaged":
      return { kind: "damaged", reason: "the checksum of a record does not fit" };
    case "version-unknown":
      return opened;
    case "ok": {
      const reader = new RecordReader(opened.content);
      const value = read(reader);
      if (value === undefined || !reader.complete)
        return { kind: "damaged", reason: "a record has fields that its version does not have" };
      return { kind: "ok", value };
    }
    default:
      return unreachable(opened);
  }
}
