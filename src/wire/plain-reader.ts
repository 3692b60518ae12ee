/**
 * Reads MessagePack, but only what we write: null, booleans, integers up to 2^53 - 1, doubles, UTF-8
 * text, bytes and arrays. Maps and extensions do not exist here. It is strict where the library that
 * writes is lenient, because every replica must read the same value or the same refusal from the same
 * bytes, and because what comes from outside must not choose which objects are made.
 */
import { ByteSlab } from "./byte-slab.ts";
import { malformed } from "./errors.ts";
import { textOfBytes } from "./text-bytes.ts";

/** Arrays inside arrays. Our deepest format needs fewer than 16; the stack must hold them all. */
export const DEPTH_MAX = 32;

/**
 * Values in one frame, arrays included. A value costs at most some 40 bytes of memory beside its own
 * bytes, so that garbage of any length cannot make more than about 80 MB. What we send has at least
 * four bytes for a value in any frame of the full 8 MiB, since dense lists are bounded by themselves.
 */
export const VALUES_MAX = 2_000_000;

const slab = new ByteSlab();

/** A cursor over one frame. Use: `value` any number of times, then `end` once. */
export class PlainReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #values = 0;

  /** `source` is only read, and nothing that is returned keeps it alive. */
  constructor(source: Uint8Array) {
    this.#bytes = source;
  }

  /**
   * The next value.
   * @throws {WireError} `WIRE_MALFORMED` when there is none, it is cut short, of another kind, too
   * deep, or one value too many.
   */
  value(depth = 0): unknown {
    const token = this.#unsigned(1);
    this.#values += 1;
    if (this.#values > VALUES_MAX) throw malformed(`more than ${VALUES_MAX} values`);
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    if (token >= 0xa0 && token < 0xc0) return this.#text(token - 0xa0);
    if (token >= 0x90 && token < 0xa0) return this.#array(token - 0x90, depth);
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#copy(this.#unsigned(1));
      case 0xc5:
        return this.#copy(this.#unsigned(2));
      case 0xc6:
        return this.#copy(this.#unsigned(4));
      case 0xcb:
        return this.#double();
      case 0xcc:
        return this.#unsigned(1);
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xd0:
        return (this.#unsigned(1) << 24) >> 24;
      case 0xd1:
        return (this.#unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.#unsigned(4) | 0;
      case 0xd9:
        return this.#text(this.#unsigned(1));
      case 0xda:
        return this.#text(this.#unsigned(2));
      case 0xdb:
        return this.#text(this.#unsigned(4));
      case 0xdc:
        return this.#array(this.#unsigned(2), depth);
      case 0xdd:
        return this.#array(this.#unsigned(4), depth);
      default:
        throw malformed(`value of a kind that is never written: 0x${token.toString(16)}`);
    }
  }

  /**
   * The length of the array that comes next, whose values are then read one by one.
   * @throws {WireError} `WIRE_MALFORMED` when no array of fewer than 16 values comes next.
   */
  shortArray(): number {
    const token = this.#unsigned(1);
    if (token < 0x90 || token > 0x9f) throw malformed("not a frame");
    return token - 0x90;
  }

  /** @throws {WireError} `WIRE_MALFORMED` when something is left. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("bytes after the end");
  }

  /** Steps over `length` bytes and says where they begin. */
  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw malformed("cut short");
    this.#at = from + length;
    return from;
  }

  /** A big-endian integer. Indexing is several times as fast as a view made for each frame. */
  #unsigned(length: 1 | 2 | 4): number {
    const bytes = this.#bytes;
    let at = this.#take(length);
    let value = bytes[at] ?? 0;
    for (const end = at + length - 1; at < end; ) {
      at += 1;
      value = value * 256 + (bytes[at] ?? 0);
    }
    return value;
  }

  #double(): number {
    const bytes = this.#bytes;
    const at = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset + at, 8).getFloat64(0);
  }

  #copy(length: number): Uint8Array {
    const from = this.#take(length);
    return slab.copy(this.#bytes, from, from + length);
  }

  #text(length: number): string {
    const from = this.#take(length);
    try {
      return textOfBytes(this.#bytes, from, from + length);
    } catch {
      throw malformed("text is not UTF-8");
    }
  }

  #array(length: number, depth: number): readonly unknown[] {
    if (depth >= DEPTH_MAX) throw malformed(`deeper than ${DEPTH_MAX}`);
    // Each value takes a byte at least, so a length that cannot be true costs nothing.
    if (length > this.#bytes.length - this.#at) throw malformed("cut short");
    const values: unknown[] = [];
    for (let at = 0; at < length; at += 1) values.push(this.value(depth + 1));
    return values;
  }
}
