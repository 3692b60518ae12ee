/**
 * Writes batches of records as MessagePack. Takes what `checkExact` has passed, so that reading gives
 * what JSON would give: -0 is 0, and a whole number is one number however it was written.
 */
import { assert } from "../std/assert.ts";
import { writeUint32 } from "../std/bytes.ts";
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES } from "./worker-protocol.ts";

/** Bytes of a fresh batch; it doubles as needed. */
const BYTES_FIRST = 4096;

/** A batch begins with an array whose length takes four bytes: it is not known before its end. */
const ARRAY_HEADER_BYTES = 5;
const BODY_START = FRAME_HEADER_BYTES + ARRAY_HEADER_BYTES;

/** Shorter text is written char by char; a call into the runtime costs about as much as 40 of them. */
const SHORT_TEXT_LENGTH = 40;

/** A number with its tag. */
const NUMBER_BYTES_MAX = 9;

const encoder = new TextEncoder();

/** Collects records in one frame. */
export class ValueWriter {
  #bytes = new Uint8Array(BYTES_FIRST);
  #view = new DataView(this.#bytes.buffer);
  #at = BODY_START;
  #records = 0;

  /** Records so far. */
  get records(): number {
    return this.#records;
  }

  /** Bytes of the frame so far. */
  get bytes(): number {
    return this.#at;
  }

  /** Adds a record, or nothing and returns false when the frame would become too large. */
  add(record: unknown): boolean {
    const before = this.#at;
    this.#value(record);
    if (this.#at - FRAME_HEADER_BYTES <= FRAME_BYTES_MAX) {
      this.#records++;
      return true;
    }
    this.#at = before;
    return false;
  }

  /** The frame; the writer is empty afterwards. */
  take(): Uint8Array {
    const frame = this.#bytes.slice(0, this.#at);
    writeUint32(frame, 0, this.#at - FRAME_HEADER_BYTES);
    frame[FRAME_HEADER_BYTES] = 0xdd;
    writeUint32(frame, FRAME_HEADER_BYTES + 1, this.#records);
    this.#at = BODY_START;
    this.#records = 0;
    return frame;
  }

  #value(value: unknown): void {
    if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#number(value);
    else if (value === null) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (Array.isArray(value)) this.#array(value);
    else this.#object(value);
  }

  #array(values: readonly unknown[]): void {
    this.#length(values.length, 0x90, 0xdc);
    for (const value of values) this.#value(value);
  }

  #object(value: unknown): void {
    assert(typeof value === "object" && value !== null, "only what JSON has is written");
    const members = Object.entries(value);
    this.#length(members.length, 0x80, 0xde);
    for (const [name, member] of members) {
      this.#text(name);
      this.#value(member);
    }
  }

  #length(length: number, short: number, long: number): void {
    if (length < 16) this.#byte(short + length);
    else this.#head(long + 1, length, 4);
  }

  #number(value: number): void {
    this.#reserve(NUMBER_BYTES_MAX);
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0xffffffff) {
      this.#bytes[this.#at] = 0xcb;
      this.#view.setFloat64(this.#at + 1, value);
      this.#at += 9;
    } else if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value < 0x10000) this.#head(0xcd, value, 2);
      else this.#head(0xce, value, 4);
    } else if (value >= -0x20) this.#byte(0x100 + value);
    else this.#head(0xd2, value >>> 0, 4);
  }

  #text(text: string): void {
    const { length } = text;
    if (length < 32 && this.#shortText(text)) return;
    // A char of text takes at most three bytes.
    this.#reserve(5 + 3 * length);
    const body = this.#at + 5;
    const short = length <= SHORT_TEXT_LENGTH ? this.#ascii(text, body) : undefined;
    const bytes = short ?? encoder.encodeInto(text, this.#bytes.subarray(body)).written;
    this.#bytes[this.#at] = 0xdb;
    writeUint32(this.#bytes, this.#at + 1, bytes);
    this.#at = body + bytes;
  }

  /** True when it is ASCII and was written with its length in one byte. */
  #shortText(text: string): boolean {
    this.#reserve(1 + text.length);
    const written = this.#ascii(text, this.#at + 1);
    if (written === undefined) return false;
    this.#bytes[this.#at] = 0xa0 + written;
    this.#at += 1 + written;
    return true;
  }

  #ascii(text: string, from: number): number | undefined {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x80) return undefined;
      this.#bytes[from + at] = code;
    }
    return text.length;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  #head(tag: number, value: number, size: 2 | 4): void {
    this.#reserve(1 + size);
    this.#bytes[this.#at] = tag;
    if (size === 2) this.#view.setUint16(this.#at + 1, value);
    else this.#view.setUint32(this.#at + 1, value);
    this.#at += 1 + size;
  }

  #reserve(bytes: number): void {
    const wanted = this.#at + bytes;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
