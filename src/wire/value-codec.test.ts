import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import { READ_DEPTH_MAX, readValue } from "./value-reader.ts";
import { ValueWriter } from "./value-writer.ts";
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FrameReader, parseBody } from "./worker-protocol.ts";
import { WorkerProtocolError } from "./worker-protocol-errors.ts";

/** What a record may hold. */
const value = fc.jsonValue({ maxDepth: 4 }).map((one): unknown => one);
const numbers = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 127, 128, -32, -33, 255, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, -(2 ** 31)),
);
const texts = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 50 }),
  fc.nat(70_000).map((length) => "é".repeat(length)),
);
const record = fc.oneof(value, numbers, texts, fc.constant(JSON.parse('{"__proto__":[1]}')));

function frameOf(records: readonly unknown[]): Uint8Array {
  const writer = new ValueWriter();
  for (const one of records) expect(writer.add(one)).toBe(true);
  expect(writer.records).toBe(records.length);
  return writer.take();
}

function bodyOf(frame: Uint8Array): Uint8Array {
  const reader = new FrameReader();
  reader.codec = "msgpack";
  reader.push(frame);
  const body = reader.next();
  if (body === undefined) throw new Error("the frame is not whole");
  return body;
}

test("what is written is read as JSON would have it", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), (records) => {
      const through: unknown = JSON.parse(JSON.stringify(records));
      expect(parseBody(bodyOf(frameOf(records)))).toEqual({ kind: "batch", records: through });
    }),
  );
});

test("a writer is empty after its frame was taken", () => {
  const writer = new ValueWriter();
  writer.add(["a", 1]);
  const first = writer.take();
  writer.add(["b", 2]);
  expect(readValue(bodyOf(writer.take()))).toEqual([["b", 2]]);
  expect(readValue(bodyOf(first))).toEqual([["a", 1]]);
});

test("what another writer of MessagePack has written is read alike", () => {
  const packer = new Packr({ useRecords: false });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), (records) => {
      const through: unknown = JSON.parse(JSON.stringify(records));
      // It takes a member of that name for the prototype.
      fc.pre(!JSON.stringify(records).includes("__proto__"));
      expect(readValue(packer.pack(through))).toEqual(through);
    }),
  );
});

test("large integers are read as numbers that are not exact, and not as other exact ones", () => {
  const bytes = (hex: string): Uint8Array => Buffer.from(hex, "hex");
  expect(readValue(bytes("cf0020000000000000"))).toBe(2 ** 53);
  expect(readValue(bytes("cf0020000000000001"))).toBe(2 ** 53);
  expect(readValue(bytes("cfffffffffffffffff"))).toBe(2 ** 64);
  expect(readValue(bytes("cf001fffffffffffff"))).toBe(Number.MAX_SAFE_INTEGER);
  expect(readValue(bytes("d3ffe0000000000001"))).toBe(Number.MIN_SAFE_INTEGER);
  expect(readValue(bytes("d38000000000000000"))).toBe(-(2 ** 63));
});

test("a record that does not fit is not added, and the others stay", () => {
  const writer = new ValueWriter();
  expect(writer.add("kept")).toBe(true);
  expect(writer.add("x".repeat(FRAME_BYTES_MAX))).toBe(false);
  const frame = writer.take();
  expect(frame.length).toBeLessThan(100);
  expect(readValue(frame.subarray(FRAME_HEADER_BYTES))).toEqual(["kept"]);
});

describe("a reader", () => {
  test("gives a value or a coded error for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readValue(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WorkerProtocolError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["bytes", "c40100"],
    ["an extension", "d40100"],
    ["a float of 32 bits", "ca3f800000"],
    ["a name that is no text", "8101c0"],
    ["text that is not UTF-8", "a2c328"],
    ["a lone surrogate", "a3eda080"],
    ["a list that is cut short", "dd7fffffff01"],
    ["something after the end", "0101"],
    ["lists that are too deep", `${"91".repeat(READ_DEPTH_MAX + 1)}01`],
  ])("refuses %s", (_what, hex) => {
    expect(() => readValue(Buffer.from(hex, "hex"))).toThrow(WorkerProtocolError);
  });

  test("of frames takes batches of MessagePack only where they were agreed on", () => {
    const reader = new FrameReader();
    reader.push(frameOf([["a", 1]]));
    expect(() => reader.next()).toThrow(WorkerProtocolError);
  });
});
