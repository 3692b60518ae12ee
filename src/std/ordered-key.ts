/**
 * The one byte encoding of keys: the order of the bytes is the order of the keys, equal keys have
 * equal bytes, and no encoding is the beginning of another.
 *
 * A tag, then the content: null, false and true have none; a number is the eight bytes of its IEEE
 * double, turned so that they sort; a string is its UTF-8 bytes, where 0x00 and 0x01 become 0x01
 * 0x01 and 0x01 0x02, ended by 0x00; an array is its elements, ended by 0x00. The end byte sorts
 * below every tag and every byte of a string, which puts the shorter first.
 */
import { JobxError } from "./errors.ts";

/** What may be a key. Objects may not: their members have no order that all languages share. */
export type OrderedKey = null | boolean | number | string | readonly OrderedKey[];

/** Why a key or value was refused. */
export type OrderedKeyErrorDetails =
  | { readonly code: "KEY_NOT_EXACT"; readonly reason: string }
  | { readonly code: "KEY_NOT_ALLOWED"; readonly reason: string }
  | { readonly code: "KEY_MALFORMED"; readonly reason: string };

/** Largest encoding of a key, bytes: keys are held in memory one for each open run of a merge. */
export const KEY_BYTES_MAX = 65_536;

/** Deepest nesting of arrays in a key: enough for tuples of tuples, and no risk for the stack. */
export const KEY_DEPTH_MAX = 32;

/** Deepest nesting in a value: what languages' JSON parsers take without settings, with room. */
export const VALUE_DEPTH_MAX = 256;

const END = 0x00;
const ESCAPE = 0x01;
const TAG_NULL = 0x02;
const TAG_FALSE = 0x03;
const TAG_TRUE = 0x04;
const TAG_NUMBER = 0x05;
const TAG_STRING = 0x06;
const TAG_ARRAY = 0x07;

/** Where a key is put together. What is written beyond the end is lost and noticed by the length. */
const scratch = new Uint8Array(KEY_BYTES_MAX);
const scratchView = new DataView(scratch.buffer);

declare global {
  interface String {
    /** Part of every supported engine (ES2024), later than the language level of the type checks. */
    isWellFormed(): boolean;
  }
}

/**
 * The canonical bytes of a key.
 * @throws {JobxError} `KEY_NOT_EXACT` for NaN, infinities, integers beyond ±(2^53 - 1) and lone
 * surrogates; `KEY_NOT_ALLOWED` for objects and other types, and beyond the bounds of this module.
 */
export function encodeKey(key: unknown): Uint8Array {
  const length = typeof key === "string" ? writeString(key, 0) : writeKey(key, 0, 0);
  return scratch.slice(0, length);
}

/**
 * The key of its canonical bytes.
 * @throws {JobxError} `KEY_MALFORMED` for bytes that `encodeKey` does not make.
 */
export function decodeKey(bytes: Uint8Array): OrderedKey {
  if (bytes.length > KEY_BYTES_MAX) throw malformed("too long");
  const reader = new KeyReader(bytes);
  const key = reader.read(0);
  reader.end();
  return key;
}

/**
 * Checks a value by the rules for keys, but objects are allowed: what passes survives JSON unchanged.
 * @throws {JobxError} `KEY_NOT_EXACT` for NaN, infinities, integers beyond ±(2^53 - 1) and lone
 * surrogates, also in names of members; `KEY_NOT_ALLOWED` for what JSON does not have, and for
 * nesting deeper than `VALUE_DEPTH_MAX`.
 */
export function checkExact(value: unknown): void {
  checkValue(value, 0);
}

function writeKey(key: unknown, at: number, depth: number): number {
  if (typeof key === "string") return writeString(key, at);
  if (typeof key === "number") return writeNumber(key, at);
  if (key === null) return writeTag(TAG_NULL, at);
  if (key === true) return writeTag(TAG_TRUE, at);
  if (key === false) return writeTag(TAG_FALSE, at);
  if (!Array.isArray(key)) throw notAllowed(`${typeof key} as a key`);
  if (depth === KEY_DEPTH_MAX) throw notAllowed("arrays nested too deeply in a key");
  let place = writeTag(TAG_ARRAY, at);
  for (let index = 0; index < key.length; index++) place = writeKey(key[index], place, depth + 1);
  return writeTag(END, place);
}

function writeTag(tag: number, at: number): number {
  if (at >= KEY_BYTES_MAX) throw notAllowed("key too long");
  scratch[at] = tag;
  return at + 1;
}

function writeNumber(value: number, at: number): number {
  checkNumber(value);
  if (at + 9 > KEY_BYTES_MAX) throw notAllowed("key too long");
  scratch[at] = TAG_NUMBER;
  // Adding 0 turns -0 into 0.
  scratchView.setFloat64(at + 1, value + 0);
  if (value < 0) {
    scratchView.setUint32(at + 1, ~scratchView.getUint32(at + 1));
    scratchView.setUint32(at + 5, ~scratchView.getUint32(at + 5));
  } else {
    scratch[at + 1] = (scratch[at + 1] ?? 0) ^ 0x80;
  }
  return at + 9;
}

function writeString(text: string, at: number): number {
  if (text.length > KEY_BYTES_MAX) throw notAllowed("key too long");
  scratch[at] = TAG_STRING;
  let place = at + 1;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > ESCAPE && unit < 0x80) {
      scratch[place++] = unit;
    } else if (unit <= ESCAPE) {
      scratch[place] = ESCAPE;
      scratch[place + 1] = unit + 1;
      place += 2;
    } else if (unit < 0x800) {
      scratch[place] = 0xc0 | (unit >> 6);
      scratch[place + 1] = 0x80 | (unit & 0x3f);
      place += 2;
    } else if (unit < 0xd800 || unit > 0xdfff) {
      scratch[place] = 0xe0 | (unit >> 12);
      scratch[place + 1] = 0x80 | ((unit >> 6) & 0x3f);
      scratch[place + 2] = 0x80 | (unit & 0x3f);
      place += 3;
    } else {
      place = writePair(text, index++, place);
    }
  }
  if (place >= KEY_BYTES_MAX) throw notAllowed("key too long");
  scratch[place] = END;
  return place + 1;
}

function writePair(text: string, index: number, place: number): number {
  const point = text.codePointAt(index) ?? 0;
  if (point < 0x10000) throw notExact("a lone surrogate");
  scratch[place] = 0xf0 | (point >> 18);
  scratch[place + 1] = 0x80 | ((point >> 12) & 0x3f);
  scratch[place + 2] = 0x80 | ((point >> 6) & 0x3f);
  scratch[place + 3] = 0x80 | (point & 0x3f);
  return place + 4;
}

function checkNumber(value: number): void {
  // Every double beyond this bound is an integer; NaN fails the comparison.
  if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw notExact(`the number ${value}`);
}

function checkValue(value: unknown, depth: number): void {
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw notExact("a lone surrogate");
  } else if (typeof value === "number") {
    checkNumber(value);
  } else if (typeof value === "object" && value !== null) {
    if (depth === VALUE_DEPTH_MAX) throw notAllowed("a value nested too deeply");
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) checkValue(value[index], depth + 1);
    } else if (isPlain(value)) {
      for (const name in value) {
        if (!name.isWellFormed()) throw notExact("a lone surrogate");
        checkValue(value[name], depth + 1);
      }
    } else {
      throw notAllowed("an object with a class of its own in a value");
    }
  } else if (value !== null && typeof value !== "boolean") {
    throw notAllowed(`${typeof value} in a value`);
  }
}

/** A Date, a Map or bytes would turn into something else on the way through JSON. */
function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Fatal, so that no bad byte turns into a replacement; a byte order mark is content. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where a number is put together when it is read. */
const numberView = new DataView(new ArrayBuffer(8));

class KeyReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(depth: number): OrderedKey {
    const tag = this.#bytes[this.#at++];
    switch (tag) {
      case TAG_NULL:
        return null;
      case TAG_FALSE:
        return false;
      case TAG_TRUE:
        return true;
      case TAG_NUMBER:
        return this.#number();
      case TAG_STRING:
        return this.#string();
      case TAG_ARRAY:
        return this.#array(depth);
      case undefined:
        throw malformed("cut short");
      default:
        throw malformed("an unknown tag");
    }
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("bytes after the key");
  }

  #array(depth: number): OrderedKey {
    if (depth === KEY_DEPTH_MAX) throw malformed("nested too deeply");
    const elements: OrderedKey[] = [];
    while (this.#bytes[this.#at] !== END) elements.push(this.read(depth + 1));
    this.#at++;
    return elements;
  }

  #number(): number {
    if (this.#at + 8 > this.#bytes.length) throw malformed("cut short");
    const negative = (this.#bytes[this.#at] ?? 0) < 0x80;
    for (let index = 0; index < 8; index++) {
      const byte = this.#bytes[this.#at + index] ?? 0;
      numberView.setUint8(index, negative ? ~byte : index === 0 ? byte ^ 0x80 : byte);
    }
    this.#at += 8;
    const value = numberView.getFloat64(0);
    if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER) || Object.is(value, -0)) {
      throw malformed("a number that no key has");
    }
    return value;
  }

  #string(): string {
    const start = this.#at;
    const end = this.#bytes.indexOf(END, start);
    if (end < 0) throw malformed("cut short");
    this.#at = end + 1;
    const escaped = this.#bytes.subarray(start, end);
    try {
      return utf8.decode(escaped.includes(ESCAPE) ? removeEscapes(escaped) : escaped);
    } catch (cause) {
      if (cause instanceof JobxError) throw cause;
      throw malformed("text that is not UTF-8", cause);
    }
  }
}

function removeEscapes(escaped: Uint8Array): Uint8Array {
  const plain = new Uint8Array(escaped.length);
  let length = 0;
  for (let at = 0; at < escaped.length; at++) {
    let byte = escaped[at] ?? 0;
    if (byte === ESCAPE) {
      byte = (escaped[++at] ?? 0) - 1;
      if (byte !== 0 && byte !== 1) throw malformed("an unknown escape");
    }
    plain[length++] = byte;
  }
  return plain.subarray(0, length);
}

function notExact(reason: string): JobxError<OrderedKeyErrorDetails> {
  return new JobxError({ code: "KEY_NOT_EXACT", reason }, `cannot be kept exactly: ${reason}`);
}

function notAllowed(reason: string): JobxError<OrderedKeyErrorDetails> {
  return new JobxError({ code: "KEY_NOT_ALLOWED", reason }, `not allowed: ${reason}`);
}

function malformed(reason: string, cause?: unknown): JobxError<OrderedKeyErrorDetails> {
  return new JobxError({ code: "KEY_MALFORMED", reason }, `not a key: ${reason}`, { cause });
}
