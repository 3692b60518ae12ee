/**
 * Reads what workers write as MessagePack: the values that JSON has, and no others. Strict as
 * `plain-reader.ts` is, for the same reasons; here there are objects and large integers besides.
 * What a value may be is not decided here: a number that is not exact is read as what it says.
 */

import { textOfBytes } from "./text-bytes.ts";
import { malformed } from "./worker-protocol-errors.ts";

/** Arrays and objects inside each other: more than a value may have, so that those who check say so. */
export const READ_DEPTH_MAX = 600;

/**
 * The one value that the bytes are.
 * @throws {JobxError} `WORKER_FRAME_MALFORMED` when they are no value, or more than one.
 */
export function readValue(bytes: Uint8Array): unknown {
  const reader = new ValueReader(bytes);
  const value = reader.value(0);
  reader.end();
  return value;
}

class ValueReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  value(depth: number): unknown {
    const token = this.#bytes[this.#take(1)] ?? 0;
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    if (token >= 0xa0 && token < 0xc0) return this.#text(token - 0xa0);
    if (token >= 0x90 && token < 0xa0) return this.#array(token - 0x90, depth);
    if (token < 0x90) return this.#object(token - 0x80, depth);
    return token < 0xd0 ? this.#positive(token) : this.#sized(token, depth);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("bytes after a batch");
  }

  #positive(token: number): unknown {
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
        return this.#view.getUint8(this.#take(1));
      case 0xcd:
        return this.#view.getUint16(this.#take(2));
      case 0xce:
        return this.#view.getUint32(this.#take(4));
      case 0xcf:
        return Number(this.#view.getBigUint64(this.#take(8)));
      default:
        throw unknownKind(token);
    }
  }

  #sized(token: number, depth: number): unknown {
    const view = this.#view;
    switch (token) {
      case 0xd0:
        return view.getInt8(this.#take(1));
      case 0xd1:
        return view.getInt16(this.#take(2));
      case 0xd2:
        return view.getInt32(this.#take(4));
      case 0xd3:
        return Number(view.getBigInt64(this.#take(8)));
      case 0xd9:
        return this.#text(view.getUint8(this.#take(1)));
      case 0xda:
        return this.#text(view.getUint16(this.#take(2)));
      case 0xdb:
        return this.#text(view.getUint32(this.#take(4)));
      case 0xdc:
        return this.#array(view.getUint16(this.#take(2)), depth);
      case 0xdd:
        return this.#array(view.getUint32(this.#take(4)), depth);
      case 0xde:
        return this.#object(view.getUint16(this.#take(2)), depth);
      case 0xdf:
        return this.#object(view.getUint32(this.#take(4)), depth);
      default:
        throw unknownKind(token);
    }
  }

  /** Steps over `length` bytes and says where they begin. */
  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw malformed("cut short");
    this.#at = from + length;
    return from;
  }

  #text(length: number): string {
    const from = this.#take(length);
    try {
      return textOfBytes(this.#bytes, from, from + length);
    } catch (cause) {
      throw malformed("text is not UTF-8", cause);
    }
  }

  #array(length: number, depth: number): readonly unknown[] {
    this.#enter(length, depth);
    const values: unknown[] = [];
    for (let at = 0; at < length; at++) values.push(this.value(depth + 1));
    return values;
  }

  #object(length: number, depth: number): Readonly<Record<string, unknown>> {
    this.#enter(length, depth);
    const members: Record<string, unknown> = {};
    for (let at = 0; at < length; at++) {
      const name = this.value(depth + 1);
      if (typeof name !== "string") throw malformed("a name of a member is no text");
      const value = this.value(depth + 1);
      if (name === "__proto__") defineMember(members, name, value);
      else members[name] = value;
    }
    return members;
  }

  #enter(length: number, depth: number): void {
    if (depth >= READ_DEPTH_MAX) throw malformed(`deeper than ${READ_DEPTH_MAX}`);
    // Each value takes a byte at least, so a length that cannot be true costs nothing.
    if (length > this.#bytes.length - this.#at) throw malformed("cut short");
  }
}

/** As JSON's parser does it: assigning would change what the object inherits from. */
function defineMember(members: object, name: string, value: unknown): void {
  const kept = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(members, name, kept);
}

function unknownKind(token: number): Error {
  return malformed(`a value of a kind that is never written: 0x${token.toString(16)}`);
}
