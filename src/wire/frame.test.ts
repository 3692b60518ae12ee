import fc from "fast-check";
import { Packr, Unpackr } from "msgpackr";
import { expect, test } from "vitest";
import { AssertionError } from "../std/assert.ts";
import { bytes, type Codec, natural, text } from "./codec.ts";
import { struct } from "./codec-shapes.ts";
import { malformed, WireError } from "./errors.ts";
import { decodeFrame, defineFormat, encodeFrame } from "./frame.ts";
import { DEPTH_MAX, PlainReader, VALUES_MAX } from "./plain-reader.ts";

const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex");
const raw = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** Lets everything through, so that only frame and reader decide. */
const anything: Codec<unknown> = { encode: (value) => value, decode: (value) => value };

function code(frame: Uint8Array, versions: readonly number[] = [1]): unknown {
  try {
    return { value: decodeFrame(anything, versions, frame) };
  } catch (error) {
    return error instanceof WireError ? error.code : error;
  }
}

const plainValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: "medium" },
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
    fc
      .string({ unit: "binary", maxLength: 400 })
      .map((value) => value.replace(/\p{Surrogate}/gu, "?")),
    fc.uint8Array({ maxLength: 400 }),
    fc.array(tie("value"), { maxLength: 20 }),
  ),
})).value;

test("every plain value survives, and reads as the library that wrote it reads it", () => {
  const library = new Unpackr({ useRecords: false });
  const plain = (value: unknown): unknown =>
    JSON.stringify(value, (_, v: unknown) => (v instanceof Uint8Array ? hex(v) : v));
  fc.assert(
    fc.property(plainValue, (value) => {
      const frame = encodeFrame(anything, 1, value);
      expect(decodeFrame(anything, [1], frame)).toEqual(value);
      expect(plain(library.unpack(frame))).toBe(plain([1, value]));
    }),
    { numRuns: 300 },
  );
});

test("integers up to 2^53 - 1 and text and bytes of every header size are exact", () => {
  const values: unknown[] = [
    0,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53 - 1,
  ];
  values.push(
    ...[-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53 - 1)],
  );
  for (const length of [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536]) {
    values.push("x".repeat(length), "ä".repeat(length), new Uint8Array(length).fill(3));
    values.push(new Array(length).fill(1));
  }
  expect(decodeFrame(anything, [1], encodeFrame(anything, 1, values))).toEqual(values);
});

test("kinds of values that are never written are refused: maps, extensions, 64-bit integers", () => {
  const never = [
    0x80, 0x81, 0xc1, 0xc7, 0xc8, 0xc9, 0xca, 0xcf, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xde, 0xdf,
  ];
  for (const token of never) {
    expect(code(raw(0x92, 1, token, 0, 0, 0, 0, 0, 0, 0, 0, 0)), `0x${token.toString(16)}`).toBe(
      "WIRE_MALFORMED",
    );
  }
  const loose = new Packr({ useRecords: true, moreTypes: true, structuredClone: true });
  for (const value of [
    { a: 1 },
    new Map([[1, 2]]),
    new Set([1]),
    /a/u,
    new Date(0),
    new Error("x"),
    1n,
  ]) {
    expect(code(loose.pack([1, value]))).toBe("WIRE_MALFORMED");
  }
});

test("text that is not UTF-8 is refused, whatever its length", () => {
  const bad = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]];
  for (const tail of bad) {
    for (const padding of [0, 20, 100]) {
      const content = [...new Array<number>(padding).fill(0x61), ...tail];
      expect(code(raw(0x92, 1, 0xd9, content.length, ...content)), tail.join()).toBe(
        "WIRE_MALFORMED",
      );
    }
  }
  expect(code(raw(0x92, 1, 0xa3, 0xef, 0xbb, 0xbf))).toEqual({ value: "\ufeff" });
});

test("an unknown version is told from garbage, even when its body cannot be read", () => {
  const frame = encodeFrame(anything, 7, "x");
  expect(code(frame)).toBe("WIRE_VERSION_UNKNOWN");
  expect(code(frame, [1, 7])).toEqual({ value: "x" });
  expect(code(raw(0x92, 7, 0xc7, 1, 2, 3))).toBe("WIRE_VERSION_UNKNOWN");
  for (const version of [0xa1, 0xc0, 0x00, 0xff, 0x90]) {
    expect(code(raw(0x92, version, 1, 1))).toBe("WIRE_MALFORMED");
  }
});

test("what is not exactly one frame is refused", () => {
  const frame = encodeFrame(anything, 1, ["abc", 5, raw(1, 2)]);
  expect(code(Buffer.concat([frame, raw(0)]))).toBe("WIRE_MALFORMED");
  for (let length = 0; length < frame.length; length += 1) {
    expect(code(frame.subarray(0, length))).toBe("WIRE_MALFORMED");
  }
  for (const first of [0x91, 0x93, 0x01, 0xdc])
    expect(code(raw(first, 1, 1, 1))).toBe("WIRE_MALFORMED");
});

test("lengths that cannot be true and endless nesting cost nothing", () => {
  const huge = [0xff, 0xff, 0xff, 0xff];
  for (const token of [0xdd, 0xc6, 0xdb])
    expect(code(raw(0x92, 1, token, ...huge))).toBe("WIRE_MALFORMED");
  const nested = (depth: number): Uint8Array =>
    Uint8Array.from([0x92, 1, ...new Array<number>(depth).fill(0x91), 1]);
  expect(code(nested(DEPTH_MAX))).toHaveProperty("value");
  expect(code(nested(DEPTH_MAX + 1))).toBe("WIRE_MALFORMED");
  expect(code(nested(100_000))).toBe("WIRE_MALFORMED");
});

test("a frame may hold two million values, not more", () => {
  const frame = new Uint8Array(VALUES_MAX + 10).fill(0xc0);
  frame.set([0x92, 1, 0xdd]);
  new DataView(frame.buffer).setUint32(3, frame.length - 7);
  expect(code(frame)).toBe("WIRE_MALFORMED");
});

test("a frame above its format's size is refused before it is read", () => {
  const frame = encodeFrame(anything, 1, "x".repeat(100));
  expect(() => decodeFrame(anything, [1], frame, 50)).toThrow(WireError);
  const small = defineFormat({ codec: text(100), version: 1, bytesMax: 50 });
  expect(() => small.encode("x".repeat(100))).toThrow(AssertionError);
  const unchecked = defineFormat({
    codec: text(100),
    version: 1,
    bytesMax: 50,
    sizeUnchecked: true,
  });
  expect(unchecked.encode("x".repeat(100))).toEqual(frame);
});

test("a frame that was returned never changes, whatever is encoded later", () => {
  const codec = struct<{ readonly at: number; readonly data: Uint8Array }>({
    at: natural,
    data: bytes(1_000_000),
  });
  for (const kept of [true, false]) {
    const format = defineFormat({ codec, version: 1, bytesMax: 1_000_000, kept });
    const frames: (readonly [Uint8Array, string])[] = [];
    for (let at = 0; at < 300; at += 1) {
      const data = new Uint8Array(at % 50 === 0 ? 20_000 : at * 7).fill(at);
      const frame = format.encode({ at, data });
      frames.push([frame, hex(frame)]);
      expect(() => format.encode({ at: -1, data })).toThrow(AssertionError);
    }
    for (const [frame, before] of frames) expect(hex(frame)).toBe(before);
    if (kept) for (const [frame] of frames) expect(frame.buffer.byteLength).toBe(frame.length);
  }
});

test("what was decoded does not change with the bytes it came from, nor with later frames", () => {
  const decoded: (readonly [Uint8Array, string])[] = [];
  for (const [at, length] of [
    0, 1, 63, 64, 65, 200, 2048, 2049, 5000, 16_384, 200, 200,
  ].entries()) {
    const frame = Buffer.from(encodeFrame(bytes(20_000), 1, new Uint8Array(length).fill(at + 1)));
    const value = decodeFrame(bytes(20_000), [1], frame);
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
    decoded.push([value, hex(value)]);
    frame.fill(0xee);
  }
  for (const [at, [value, before]] of decoded.entries()) {
    expect(hex(value)).toBe(before);
    expect(value.every((byte) => byte === at + 1)).toBe(true);
  }
});

test("random bytes and damaged frames give a value or a coded error", () => {
  const known = (frame: Uint8Array): void => {
    const result = code(frame);
    const coded = result === "WIRE_MALFORMED" || result === "WIRE_VERSION_UNKNOWN";
    expect(
      coded || (result !== null && typeof result === "object" && "value" in result),
      hex(frame),
    ).toBe(true);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), known));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (body) => known(raw(0x92, 1, ...body))));
});

test("a reader that is used beyond the end says so", () => {
  const reader = new PlainReader(raw(1));
  expect(reader.value()).toBe(1);
  reader.end();
  expect(() => reader.value()).toThrow(WireError);
  expect(malformed("x", ".a").message).toBe("x at $.a");
});
