/**
 * Typed codecs: a value of the program to plain values (null, booleans, numbers, strings, bytes,
 * arrays) and back. `codec-shapes.ts` composes them, `frame.ts` turns plain values into bytes.
 *
 * Decoding is total: whatever comes in, the result is a value of the type inside its bounds, or a
 * `WireError`. Encoding asserts the same bounds, since what is written beyond them could never be
 * read again; whoever takes values from outside checks them first.
 */
import { AssertionError, assert } from "../std/assert.ts";
import { malformed } from "./errors.ts";

/** Both directions of one type. */
export interface Codec<T> {
  /** @throws {AssertionError} when the value is out of its bounds. */
  readonly encode: (value: T) => unknown;
  /** @throws {WireError} `WIRE_MALFORMED` when `raw` is not what `encode` makes. */
  readonly decode: (raw: unknown) => T;
}

/** The type that a codec is for. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

/**
 * What `assert` throws, for places where making its message each time would cost more than all else
 * (measured: two thirds of encoding).
 */
export function unfit(message: string): AssertionError {
  return new AssertionError(message);
}

/** An integer in [min, max]; both must be safe integers. */
export function int(min: number, max: number): Codec<number> {
  assert(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min <= max, "bad bounds of int");
  const fits = (value: unknown): value is number =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
  return {
    encode(value) {
      if (!fits(value)) throw unfit(`not an integer from ${min} to ${max}: ${value}`);
      return value;
    },
    decode(raw) {
      if (!fits(raw)) throw malformed(`not an integer from ${min} to ${max}`);
      // Minus zero counts as zero, so that no two values differ only in a way that bytes do not show.
      return raw === 0 ? 0 : raw;
    },
  };
}

/** A count, position, size or time: 0 to 2^53 - 1. */
export const natural: Codec<number> = int(0, Number.MAX_SAFE_INTEGER);

/** An identity or a position that begins at 1. */
export const positive: Codec<number> = int(1, Number.MAX_SAFE_INTEGER);

const LONE_SURROGATE = /\p{Surrogate}/gu;

/**
 * A string of at most `lengthMax` UTF-16 units. Half a surrogate pair has no UTF-8, so it is written
 * as U+FFFD: text that was cut in the middle of a character is common and not worth an error.
 */
export function text(lengthMax: number): Codec<string> {
  return {
    encode(value) {
      if (value.length > lengthMax) throw unfit(`text of ${value.length}, at most ${lengthMax}`);
      return value.replace(LONE_SURROGATE, "\ufffd");
    },
    decode(raw) {
      if (typeof raw !== "string") throw malformed("not a text");
      if (raw.length > lengthMax) throw malformed(`text longer than ${lengthMax}`);
      return raw;
    },
  };
}

/** A text of a fixed form, such as an id in hex. `pattern` must be anchored; `lengthMax` bounds it. */
export function pattern(form: RegExp, lengthMax: number): Codec<string> {
  const fits = (value: string): boolean => value.length <= lengthMax && form.test(value);
  return {
    encode(value) {
      if (!fits(value)) throw unfit(`text is not of the form ${form.source}`);
      return value;
    },
    decode(raw) {
      if (typeof raw !== "string" || !fits(raw)) throw malformed(`not of the form ${form.source}`);
      return raw;
    },
  };
}

/** At most `lengthMax` bytes. What is decoded owns its memory (see `readFrame`). */
export function bytes(lengthMax: number): Codec<Uint8Array> {
  return {
    encode(value) {
      if (value.length > lengthMax) throw unfit(`${value.length} bytes, at most ${lengthMax}`);
      return value;
    },
    decode(raw) {
      if (!(raw instanceof Uint8Array)) throw malformed("not bytes");
      if (raw.length > lengthMax) throw malformed(`more than ${lengthMax} bytes`);
      return raw;
    },
  };
}

/** True or false. */
export const bool: Codec<boolean> = {
  encode: (value) => value,
  decode(raw) {
    if (typeof raw !== "boolean") throw malformed("not a boolean");
    return raw;
  },
};

/** A text of at most `lengthMax`, a whole number, or true or false: whichever it is. */
export function plain(lengthMax: number): Codec<string | number | boolean> {
  const words = text(lengthMax);
  const number = int(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  return {
    encode(value) {
      if (typeof value === "boolean") return value;
      return typeof value === "string" ? words.encode(value) : number.encode(value);
    },
    decode(raw) {
      if (typeof raw === "boolean") return raw;
      return typeof raw === "string" ? words.decode(raw) : number.decode(raw);
    },
  };
}

/** Always the same value: takes no room beyond one byte, and refuses every other. */
export function literal<const T extends string | number | boolean>(value: T): Codec<T> {
  return {
    encode: () => null,
    decode(raw) {
      if (raw !== null) throw malformed("not the empty mark of a fixed value");
      return value;
    },
  };
}

/**
 * One of a few names, each under a number that is its own for ever. Name the type (`enumeration<Order>`):
 * a name without a number, or a number for no name, is then a type error.
 */
export function enumeration<T extends string>(tags: Readonly<Record<T, number>>): Codec<T>;
export function enumeration(tags: Readonly<Record<string, number>>): Codec<string> {
  const tagOf = new Map(Object.entries(tags));
  const nameOf = new Map([...tagOf].map(([name, tag]) => [tag, name]));
  assert(nameOf.size === tagOf.size, "two names of an enumeration share a number");
  return {
    encode(value) {
      const tag = tagOf.get(value);
      if (tag === undefined) throw unfit(`not a name of this enumeration: ${value}`);
      return tag;
    },
    decode(raw) {
      const name = typeof raw === "number" ? nameOf.get(raw) : undefined;
      if (name === undefined) throw malformed("not a known number of an enumeration");
      return name;
    },
  };
}
