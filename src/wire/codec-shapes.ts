/**
 * Codecs made of codecs. Everything becomes arrays by position, so that no field names travel; the
 * order in which fields are written here is therefore part of the format.
 */
import { assert } from "../std/assert.ts";
import { type Codec, unfit } from "./codec.ts";
import { malformed, within } from "./errors.ts";

/** A codec for each field of `T`, in the order in which they are written. */
export type Fields<T> = { readonly [Name in keyof T]-?: Codec<T[Name]> };

/** For each variant of a union its tag, never used again for another, and its fields without `kind`. */
export type Variants<T extends { readonly kind: string }> = {
  readonly [Kind in T["kind"]]: readonly [
    tag: number,
    fields: Fields<Omit<Extract<T, { readonly kind: Kind }>, "kind">>,
  ];
};

type LooseFields = Readonly<Record<string, Codec<unknown>>>;
type LooseRecord = Readonly<Record<string, unknown>>;

/** An array of exactly the length that a shape has, or as far as fields at its end may be left out. */
function rawArray(raw: unknown, length: number, lengthMin = length): readonly unknown[] {
  if (!Array.isArray(raw)) throw malformed("not an array");
  if (raw.length < lengthMin || raw.length > length) {
    throw malformed(`${raw.length} values in place of ${length}`);
  }
  return raw;
}

/** Codecs of fields that may be left out at the end of a shape. */
const TRAILING = new WeakSet<object>();

/**
 * A field at the end of a shape that older writers do not know: where it is undefined nothing is written, so
 * what they have written stays what it was. `codec` must not write null. What it brings into use passes R10's
 * gate, since older readers refuse a shape that has it.
 */
export function trailing<T>(codec: Codec<T>): Codec<T | undefined> {
  const made: Codec<T | undefined> = {
    encode: (value) => (value === undefined ? null : notNull(codec.encode(value))),
    decode: (raw) => (raw === null ? undefined : codec.decode(raw)),
  };
  TRAILING.add(made);
  return made;
}

/** Encodes and decodes named fields at positions from `first` on. */
class FieldList {
  readonly length: number;
  /** Without the fields that may be left out. */
  readonly lengthMin: number;
  readonly #names: readonly string[];
  readonly #codecs: readonly Codec<unknown>[];

  constructor(fields: LooseFields) {
    this.#names = Object.keys(fields);
    this.#codecs = Object.values(fields);
    this.length = this.#names.length;
    const first = this.#codecs.findIndex((codec) => TRAILING.has(codec));
    this.lengthMin = first < 0 ? this.length : first;
    const isAtEnd = this.#codecs.slice(this.lengthMin).every((codec) => TRAILING.has(codec));
    assert(isAtEnd, "fields that may be left out come last");
  }

  encodeInto(target: unknown[], value: LooseRecord): void {
    const end = this.#endOf(value);
    let at = 0;
    for (const name of this.#names) {
      if (at === end) return;
      target.push(this.#codecs[at]?.encode(value[name]));
      at += 1;
    }
  }

  /** After the last field that is to be written. */
  #endOf(value: LooseRecord): number {
    let end = this.length;
    while (end > this.lengthMin && value[this.#names[end - 1] ?? ""] === undefined) end -= 1;
    return end;
  }

  decodeInto(target: Record<string, unknown>, raw: readonly unknown[], first: number): void {
    const isLonger = raw.length - first > this.lengthMin;
    // Each value has one form: nobody writes the last field that is left out.
    if (isLonger && raw.at(-1) === null) throw malformed("ends with a field that is left out");
    let at = 0;
    for (const name of this.#names) {
      if (first + at === raw.length) return;
      try {
        target[name] = this.#codecs[at]?.decode(raw[first + at]);
      } catch (error) {
        throw within(`.${name}`, error);
      }
      at += 1;
    }
  }
}

/**
 * An object with fixed fields: `[field, field, …]`. Name the type (`struct<Token>`), so that a new
 * field without a codec is a type error.
 */
export function struct<T extends object>(fields: Fields<T>): Codec<T>;
export function struct(fields: LooseFields): Codec<LooseRecord> {
  const list = new FieldList(fields);
  return {
    encode(value) {
      const raw: unknown[] = [];
      list.encodeInto(raw, value);
      return raw;
    },
    decode(raw) {
      const array = rawArray(raw, list.length, list.lengthMin);
      const value: Record<string, unknown> = {};
      list.decodeInto(value, array, 0);
      return value;
    },
  };
}

/**
 * One of several objects told apart by `kind`: `[tag, field, …]`. Name the type (`union<Work>`), so
 * that a new variant or field without a codec is a type error.
 */
export function union<T extends { readonly kind: string }>(variants: Variants<T>): Codec<T>;
export function union(
  variants: Readonly<Record<string, readonly [number, LooseFields]>>,
): Codec<LooseRecord & { readonly kind: string }> {
  const byKind = new Map(
    Object.entries(variants).map(([kind, [tag, fields]]) => [
      kind,
      { kind, tag, list: new FieldList(fields) },
    ]),
  );
  const byTag = new Map([...byKind.values()].map((variant) => [variant.tag, variant]));
  assert(byTag.size === byKind.size, "two variants of a union share a tag");
  return {
    encode(value) {
      const variant = byKind.get(value.kind);
      if (variant === undefined) throw unfit(`not a variant of this union: ${value.kind}`);
      const raw: unknown[] = [variant.tag];
      variant.list.encodeInto(raw, value);
      return raw;
    },
    decode(raw) {
      if (!Array.isArray(raw)) throw malformed("not an array");
      const tag: unknown = raw[0];
      const variant = typeof tag === "number" ? byTag.get(tag) : undefined;
      if (variant === undefined) throw malformed("not a known tag of a union");
      const array = rawArray(raw, variant.list.length + 1, variant.list.lengthMin + 1);
      const value = { kind: variant.kind };
      variant.list.decodeInto(value, array, 1);
      return value;
    },
  };
}

/** A list of at most `lengthMax` values. */
export function array<T>(item: Codec<T>, lengthMax: number): Codec<readonly T[]> {
  return {
    encode(values) {
      if (values.length > lengthMax) throw unfit(`${values.length} values, at most ${lengthMax}`);
      return values.map(item.encode);
    },
    decode(raw) {
      if (!Array.isArray(raw)) throw malformed("not an array");
      if (raw.length > lengthMax) throw malformed(`more than ${lengthMax} values`);
      const values: T[] = [];
      for (const rawItem of raw) {
        try {
          values.push(item.decode(rawItem));
        } catch (error) {
          throw within(`[${values.length}]`, error);
        }
      }
      return values;
    },
  };
}

/** A fixed number of values, each with its own codec: `tuple<readonly [number, string]>(natural, name)`. */
export function tuple<T extends readonly unknown[]>(
  ...items: { readonly [At in keyof T]: Codec<T[At]> }
): Codec<T>;
export function tuple(...items: readonly Codec<unknown>[]): Codec<readonly unknown[]> {
  return {
    encode(values) {
      assert(values.length === items.length, "a tuple of another length");
      return items.map((item, at) => item.encode(values[at]));
    },
    decode(raw) {
      const array = rawArray(raw, items.length);
      return items.map((item, at) => {
        try {
          return item.decode(array[at]);
        } catch (error) {
          throw within(`[${at}]`, error);
        }
      });
    },
  };
}

/**
 * Names to values, at most `entriesMax`: `[name, value, name, value, …]` with rising names (by UTF-16
 * unit), so that one record has one encoding.
 */
export function record<T>(
  name: Codec<string>,
  item: Codec<T>,
  entriesMax: number,
): Codec<Readonly<Record<string, T>>> {
  return {
    encode(value) {
      const entries = Object.entries(value);
      if (entries.length > entriesMax)
        throw unfit(`${entries.length} entries, at most ${entriesMax}`);
      entries.sort(([left], [right]) => (left < right ? -1 : 1));
      return entries.flatMap(([key, field]) => [name.encode(key), item.encode(field)]);
    },
    decode(raw) {
      if (!Array.isArray(raw) || raw.length % 2 !== 0)
        throw malformed("not pairs of names and values");
      if (raw.length > 2 * entriesMax) throw malformed(`more than ${entriesMax} entries`);
      const entries = new Map<string, T>();
      let previous: string | undefined;
      for (let at = 0; at < raw.length; at += 2) {
        try {
          const key = name.decode(raw[at]);
          if (previous !== undefined && key <= previous) throw malformed("names do not rise");
          previous = key;
          entries.set(key, item.decode(raw[at + 1]));
        } catch (error) {
          throw within(`[${at / 2}]`, error);
        }
      }
      // Defines own properties, so that a name such as `__proto__` is only a name.
      return Object.fromEntries(entries);
    },
  };
}

/** A value or undefined, which is written as null; so `codec` must not write null itself. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    encode: (value) => (value === undefined ? null : notNull(codec.encode(value))),
    decode: (raw) => (raw === null ? undefined : codec.decode(raw)),
  };
}

/** A value or null; `codec` must not write null itself. */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    encode: (value) => (value === null ? null : notNull(codec.encode(value))),
    decode: (raw) => (raw === null ? null : codec.decode(raw)),
  };
}

function notNull(raw: unknown): unknown {
  assert(raw !== null, "two things that write null inside each other cannot be told apart");
  return raw;
}
