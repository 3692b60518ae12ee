import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, concatBytes, fromHex, toHex } from "./bytes.ts";
import { JobxError } from "./errors.ts";
import {
  checkExact,
  decodeKey,
  encodeKey,
  KEY_BYTES_MAX,
  KEY_DEPTH_MAX,
  type OrderedKey,
  VALUE_DEPTH_MAX,
} from "./ordered-key.ts";

/** Lines of the data file: the key and its bytes, in the order of keys. */
const vectors = readFileSync(new URL("./ordered-key.data.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line): { key: unknown; hex: string } => {
    const [json = "", hex = ""] = line.split("\t");
    return { key: JSON.parse(json), hex };
  });

const scalar = fc.oneof(
  fc.constantFrom<OrderedKey>(null, false, true, "", "\0", "\u0001", "\u0002", 0, -0, [], [[]]),
  fc.integer({ min: -3, max: 3 }),
  fc.maxSafeInteger(),
  fc.double({ min: -(2 ** 53 - 1), max: 2 ** 53 - 1, noNaN: true }),
  fc.string({ unit: "grapheme", maxLength: 5 }),
  fc.string({
    unit: fc.constantFrom("\0", "\u0001", "\u0002", "a", "é", "日", "😀"),
    maxLength: 4,
  }),
);
const { key: anyKey } = fc.letrec<{ key: OrderedKey }>((tie) => ({
  key: fc.oneof({ depthSize: "small" }, scalar, fc.array(tie("key"), { maxLength: 4 })),
}));

const RANK = ["null", "false", "true", "number", "string", "array"];

function rank(key: OrderedKey): number {
  if (key === null || typeof key === "boolean") return RANK.indexOf(String(key));
  return RANK.indexOf(typeof key === "object" ? "array" : typeof key);
}

function isArray(key: OrderedKey): key is readonly OrderedKey[] {
  return typeof key === "object" && key !== null;
}

/** The order of keys said directly, without any encoding. */
function dumbCompare(left: OrderedKey, right: OrderedKey): number {
  if (typeof left === "number" && typeof right === "number") return Math.sign(left - right);
  if (typeof left === "string" && typeof right === "string") {
    return Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right)));
  }
  if (isArray(left) && isArray(right)) {
    for (let at = 0; at < Math.min(left.length, right.length); at++) {
      const order = dumbCompare(left[at] ?? null, right[at] ?? null);
      if (order !== 0) return order;
    }
    return Math.sign(left.length - right.length);
  }
  return Math.sign(rank(left) - rank(right));
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof JobxError) return String(error.code);
    throw error;
  }
  return "none";
}

test("the recorded keys have the recorded bytes, in the recorded order", () => {
  expect(vectors.length).toBeGreaterThan(60);
  for (const { key, hex } of vectors) expect(toHex(encodeKey(key)), JSON.stringify(key)).toBe(hex);
  const hexes = vectors.map(({ hex }) => hex);
  expect(hexes.toSorted()).toEqual(hexes);
});

test("the recorded bytes give the recorded keys", () => {
  for (const { key, hex } of vectors) {
    expect(decodeKey(fromHex(hex) ?? new Uint8Array(0)), hex).toEqual(key);
  }
});

test("bytes are ordered as keys are, and are equal only when keys are", () => {
  fc.assert(
    fc.property(anyKey, anyKey, (left, right) => {
      const order = compareBytes(encodeKey(left), encodeKey(right));
      expect(Math.sign(order) + 0).toBe(dumbCompare(left, right) + 0);
    }),
    { numRuns: 2000 },
  );
});

test("a key comes back from its bytes, with -0 as 0", () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      const plain: unknown = JSON.parse(JSON.stringify(key));
      expect(decodeKey(encodeKey(key))).toEqual(plain);
    }),
    { numRuns: 1000 },
  );
});

test("no key is the beginning of another", () => {
  fc.assert(
    fc.property(anyKey, anyKey, (left, right) => {
      const [a, b] = [toHex(encodeKey(left)), toHex(encodeKey(right))];
      expect(a !== b && b.startsWith(a)).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test("numbers are keys by value", () => {
  expect(encodeKey(-0)).toEqual(encodeKey(0));
  expect(encodeKey(JSON.parse("1.0"))).toEqual(encodeKey(1));
});

test("text is not normalised", () => {
  expect(encodeKey("é")).not.toEqual(encodeKey("e\u0301"));
});

test("what JSON or a double cannot hold exactly is refused in keys and values", () => {
  const inexact = [NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 1e300, "\ud800", "a\udc00b"];
  for (const bad of inexact) {
    expect(codeOf(() => encodeKey(bad))).toBe("KEY_NOT_EXACT");
    expect(codeOf(() => encodeKey(["a", [bad]]))).toBe("KEY_NOT_EXACT");
    expect(codeOf(() => checkExact(bad))).toBe("KEY_NOT_EXACT");
    expect(codeOf(() => checkExact({ a: [1, { b: bad }] }))).toBe("KEY_NOT_EXACT");
  }
  expect(codeOf(() => encodeKey("\udc00\ud800"))).toBe("KEY_NOT_EXACT");
  expect(codeOf(() => checkExact({ "\ud800": 1 }))).toBe("KEY_NOT_EXACT");
});

test("what is no key is refused", () => {
  for (const bad of [{}, { a: 1 }, undefined, 1n, Symbol("s"), () => 1, [undefined], new Date(0)]) {
    expect(codeOf(() => encodeKey(bad))).toBe("KEY_NOT_ALLOWED");
  }
});

test("what JSON does not have is no value", () => {
  const bad = [undefined, 1n, Symbol("s"), () => 1, [undefined], { a: undefined }, new Date(0)];
  for (const value of [...bad, new Map(), new Uint8Array(1)]) {
    expect(codeOf(() => checkExact(value))).toBe("KEY_NOT_ALLOWED");
  }
});

test("values of JSON pass", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const big = /\d{16}|e\+/.test(JSON.stringify(value));
      fc.pre(!big);
      checkExact(value);
    }),
  );
  checkExact(Object.assign(Object.create(null), { a: 1 }));
});

/** `key` inside of `depth` arrays. */
function nested(key: unknown, depth: number): unknown {
  return depth === 0 ? key : [nested(key, depth - 1)];
}

test("nesting is bounded in keys and values", () => {
  expect(decodeKey(encodeKey(nested(1, KEY_DEPTH_MAX)))).toEqual(nested(1, KEY_DEPTH_MAX));
  expect(codeOf(() => encodeKey(nested(1, KEY_DEPTH_MAX + 1)))).toBe("KEY_NOT_ALLOWED");
  checkExact(nested(1, VALUE_DEPTH_MAX));
  expect(codeOf(() => checkExact(nested(1, VALUE_DEPTH_MAX + 1)))).toBe("KEY_NOT_ALLOWED");
});

test("the length of a key is bounded, wherever it grows beyond the bound", () => {
  const longest = "x".repeat(KEY_BYTES_MAX - 2);
  expect(decodeKey(encodeKey(longest))).toBe(longest);
  const tooLong = [
    `${longest}x`,
    "x".repeat(KEY_BYTES_MAX + 1),
    "日".repeat(KEY_BYTES_MAX / 2),
    [longest],
    [longest.slice(1), 1],
    [longest.slice(3), null, null],
    [longest.slice(2), 1],
    [longest.slice(2), "a"],
  ];
  for (const key of tooLong) expect(codeOf(() => encodeKey(key))).toBe("KEY_NOT_ALLOWED");
});

test("a refused key leaves nothing behind in the next one", () => {
  expect(codeOf(() => encodeKey(["left over", {}]))).toBe("KEY_NOT_ALLOWED");
  expect(toHex(encodeKey([]))).toBe("0700");
});

test("bytes that are no key are refused", () => {
  const bad = {
    "": "cut short",
    "00": "a tag",
    "08": "a tag",
    "0202": "bytes after",
    "05800000": "cut short",
    "057fffffffffffffff": "minus zero",
    "05fff8000000000000": "not a number",
    "05fff0000000000000": "infinity",
    "05c340000000000000": "2^53",
    "0661": "no end",
    "06016100": "an escape",
    "060100": "an escape cut short",
    "06ff00": "not UTF-8",
    "06eda08000": "a surrogate",
    "0702": "no end",
    "0708": "a tag inside",
  };
  for (const [hex, why] of Object.entries(bad)) {
    expect(
      codeOf(() => decodeKey(fromHex(hex) ?? new Uint8Array(0))),
      why,
    ).toBe("KEY_MALFORMED");
  }
  expect(codeOf(() => decodeKey(new Uint8Array(KEY_BYTES_MAX + 1)))).toBe("KEY_MALFORMED");
  const deep = concatBytes([new Uint8Array(40).fill(7), new Uint8Array(40)]);
  expect(codeOf(() => decodeKey(deep))).toBe("KEY_MALFORMED");
});

test("bytes are refused or are the only bytes of their key", () => {
  const piece = fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 0x61, 0x80, 0xc3, 0xff);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (list) => {
      const bytes = Uint8Array.from(list);
      const code = codeOf(() => {
        expect(encodeKey(decodeKey(bytes))).toEqual(bytes);
      });
      expect(["none", "KEY_MALFORMED"]).toContain(code);
    }),
    { numRuns: 3000 },
  );
});
