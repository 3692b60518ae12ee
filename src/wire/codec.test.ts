import fc from "fast-check";
import { expect, test } from "vitest";
import { AssertionError } from "../std/assert.ts";
import {
  bool,
  bytes,
  type Codec,
  enumeration,
  type Infer,
  int,
  literal,
  natural,
  pattern,
  text,
} from "./codec.ts";
import {
  array,
  nullable,
  optional,
  record,
  struct,
  trailing,
  tuple,
  union,
} from "./codec-shapes.ts";
import { WireError } from "./errors.ts";

interface Point {
  readonly x: number;
  readonly name: string | undefined;
}
type Shape =
  | { readonly kind: "point"; readonly at: Point }
  | { readonly kind: "line"; readonly ends: readonly Point[] }
  | { readonly kind: "nothing" };

const point = struct<Point>({ x: int(-5, 5), name: optional(text(3)) });
const shape = union<Shape>({
  point: [1, { at: point }],
  line: [2, { ends: array(point, 2) }],
  nothing: [7, {}],
});

function refusal<T>(codec: Codec<T>, raw: unknown): unknown {
  try {
    return { value: codec.decode(raw) };
  } catch (error) {
    if (!(error instanceof WireError) || error.details.code !== "WIRE_MALFORMED") return error;
    return error.details.path;
  }
}

function atBounds<T>(codec: Codec<T>, inside: readonly T[], outside: readonly T[]): void {
  for (const value of inside) expect(codec.decode(codec.encode(value))).toEqual(value);
  for (const value of outside) expect(() => codec.encode(value)).toThrow(AssertionError);
}

test("objects become arrays by position, and variants begin with their tag", () => {
  expect(
    shape.encode({
      kind: "line",
      ends: [
        { x: 1, name: "a" },
        { x: 2, name: undefined },
      ],
    }),
  ).toEqual([
    2,
    [
      [1, "a"],
      [2, null],
    ],
  ]);
  expect(shape.encode({ kind: "nothing" })).toEqual([7]);
});

test("a malformed value is refused with the path to it", () => {
  expect(
    refusal(shape, [
      2,
      [
        [1, "a"],
        [9, null],
      ],
    ]),
  ).toBe(".ends[1].x");
  expect(refusal(shape, [1, [1, "long"]])).toBe(".at.name");
  expect(refusal(record(text(1), int(0, 1), 3), ["a", 0, "b", 2])).toBe("[1]");
  expect(refusal(tuple<readonly [number, string]>(int(0, 1), text(1)), [0, 1])).toBe("[1]");
});

test("a missing or an additional field is refused", () => {
  for (const raw of [[], [1], [1, null, null], [0, "x", 0], "x", null, { 0: 1 }]) {
    expect(refusal(struct({ x: int(0, 1), y: text(1) }), raw), JSON.stringify(raw)).toBe("");
  }
  expect(refusal(shape, [7, 0])).toBe("");
});

test("a tag that no variant has is refused, even one that names a method of objects", () => {
  for (const raw of [[3], ["constructor"], [null], [[]], []]) expect(refusal(shape, raw)).toBe("");
  expect(refusal(enumeration<"a">({ a: 1 }), 2)).toBe("");
  expect(refusal(enumeration<"a">({ a: 1 }), "a")).toBe("");
});

test("values at a bound pass and those beyond are refused, in both directions", () => {
  atBounds(int(-1, 2), [-1, 2], [-2, 3]);
  atBounds(text(2), ["", "ab"], ["abc"]);
  atBounds(bytes(2), [new Uint8Array(), new Uint8Array(2)], [new Uint8Array(3)]);
  atBounds(array(bool, 2), [[], [true, false]], [[true, true, true]]);
  atBounds(record(text(2), bool, 1), [{}, { a: true }], [{ a: true, b: true }]);
  atBounds(pattern(/^a+$/u, 2), ["a", "aa"], ["", "b", "aaa"]);
  expect(refusal(text(2), "abc")).toBe("");
  expect(refusal(bytes(2), new Uint8Array(3))).toBe("");
  expect(refusal(array(bool, 2), [true, true, true])).toBe("");
  expect(refusal(record(text(2), bool, 1), ["a", true, "b", true])).toBe("");
});

test("only safe integers are integers", () => {
  const codec = int(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  for (const raw of [
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    "1",
    1n,
    null,
    undefined,
  ]) {
    expect(refusal(codec, raw)).toBe("");
  }
  expect(Object.is(codec.decode(-0), 0)).toBe(true);
});

test("a record keeps any name, has one encoding, and refuses names that do not rise", () => {
  const codec = record(text(20), int(0, 9), 5);
  const value = Object.fromEntries([
    ["__proto__", 1],
    ["10", 2],
    ["9", 3],
  ]);
  expect(codec.encode(value)).toEqual(["10", 2, "9", 3, "__proto__", 1]);
  expect(Object.entries(codec.decode(codec.encode(value))).sort()).toEqual(
    Object.entries(value).sort(),
  );
  expect(refusal(codec, ["b", 1, "a", 1])).toBe("[1]");
  expect(refusal(codec, ["a", 1, "a", 1])).toBe("[1]");
  expect(refusal(codec, ["a"])).toBe("");
});

test("a missing value, null and a fixed value are told apart", () => {
  expect(optional(text(1)).encode(undefined)).toBe(null);
  expect(optional(text(1)).decode(null)).toBe(undefined);
  expect(nullable(text(1)).decode(null)).toBe(null);
  expect(literal("x").decode(literal("x").encode("x"))).toBe("x");
  expect(refusal(literal("x"), "x")).toBe("");
  expect(() => optional(nullable(text(1))).encode(null)).toThrow(AssertionError);
});

test("half a surrogate pair becomes U+FFFD, a whole one stays", () => {
  expect(text(9).encode("a\ud83d")).toBe("a\ufffd");
  expect(text(9).encode("\ude00b")).toBe("\ufffdb");
  expect(text(9).encode("\ud83d\ude00")).toBe("\ud83d\ude00");
});

test("the type of a codec's values can be taken from it", () => {
  const value: Infer<typeof shape> = { kind: "nothing" };
  expect(shape.decode([7])).toEqual(value);
});

test("no two variants share a tag, no two names a number", () => {
  expect(() =>
    union<{ readonly kind: "a" } | { readonly kind: "b" }>({ a: [1, {}], b: [1, {}] }),
  ).toThrow(AssertionError);
  expect(() => enumeration<"a" | "b">({ a: 1, b: 1 })).toThrow(AssertionError);
});

test("a union or object without a codec for everything does not compile", () => {
  // @ts-expect-error `name` has no codec
  struct<Point>({ x: int(0, 1) });
  // @ts-expect-error `nothing` has no tag
  union<Shape>({ point: [1, { at: point }], line: [2, { ends: array(point, 2) }] });
  // @ts-expect-error `c` is not one of them
  enumeration<"a" | "b">({ a: 1, b: 2, c: 3 });
  // @ts-expect-error a codec for fewer names than the type has
  const fewer: Codec<"a" | "b"> = enumeration<"a">({ a: 1 });
  expect(fewer).toBeDefined();
});

test("whatever comes in, the answer is a value or a coded error", () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withTypedArray: true }), (raw) => {
      const result = refusal(shape, raw);
      expect(
        typeof result === "string" ||
          (result !== null && typeof result === "object" && "value" in result),
      ).toBe(true);
    }),
  );
});

test("a field that may be left out is not written where it is undefined, and read where it is there", () => {
  const shape = struct<{ readonly a: number; readonly b?: number | undefined }>({
    a: natural,
    b: trailing(natural),
  });
  expect(shape.encode({ a: 1 })).toEqual([1]);
  expect(shape.encode({ a: 1, b: 2 })).toEqual([1, 2]);
  expect(shape.decode([1])).toEqual({ a: 1 });
  expect(shape.decode([1, 2])).toEqual({ a: 1, b: 2 });
  expect(() => shape.decode([])).toThrow(/in place of/u);
  expect(() => shape.decode([1, 2, 3])).toThrow(/in place of/u);
  expect(() => shape.decode([1, null])).toThrow(/left out/u);
});

test("of two fields that may be left out the second is written without the first", () => {
  interface Two {
    readonly kind: "two";
    readonly b?: number | undefined;
    readonly c?: number | undefined;
  }
  const shape = union<Two>({ two: [7, { b: trailing(natural), c: trailing(natural) }] });
  expect(shape.encode({ kind: "two", c: 3 })).toEqual([7, null, 3]);
  expect(shape.decode([7, null, 3])).toEqual({ kind: "two", b: undefined, c: 3 });
  expect(shape.encode({ kind: "two" })).toEqual([7]);
});

test("a field that may be left out before one that may not is a mistake of the program", () => {
  const first = { a: trailing(natural), b: natural };
  expect(() => struct<{ readonly a: number | undefined; readonly b: number }>(first)).toThrow(
    /come last/u,
  );
});
