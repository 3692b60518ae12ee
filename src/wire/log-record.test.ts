import fc from "fast-check";
import { expect, test } from "vitest";
import type { Entry } from "../raft/types.ts";
import {
  decodeConfiguration,
  decodeEntries,
  decodeHead,
  encodeConfiguration,
  encodeEntries,
  encodeHead,
} from "./log-record.ts";
import { openRecord, RecordReader, RecordWriter, sealRecord } from "./record-bytes.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** Comparable whatever the order of fields and the kind of byte array. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_, v: unknown) => (v instanceof Uint8Array ? hex(v) : v));
  const parsed: unknown = JSON.parse(text);
  return parsed;
}

const safe = fc.maxSafeNat();
const replicas = fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 5 });
const payload = fc.oneof(
  fc.constant({ kind: "empty" as const }),
  fc.record({ kind: fc.constant("normal" as const), data: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({
    kind: fc.constant("config" as const),
    change: fc.record({
      transition: fc.constantFrom("auto", "joint-implicit", "joint-explicit"),
      changes: fc.array(
        fc.record({
          type: fc.constantFrom("add-voter", "add-learner", "remove", "update"),
          replica: fc.nat(2 ** 40),
        }),
        { maxLength: 3 },
      ),
      context: fc.uint8Array({ maxLength: 10 }),
    }),
  }),
);
const entries = fc
  .record({
    firstIndex: fc.integer({ min: 1, max: 2 ** 52 }),
    previousTerm: fc.nat(2 ** 45),
    payloads: fc.array(fc.tuple(payload, fc.nat(3)), { minLength: 1, maxLength: 8 }),
  })
  .map(({ firstIndex, previousTerm, payloads }) => {
    let term = previousTerm;
    const list = payloads.map(([body, rise], at): Entry => {
      term += rise;
      return { ...body, index: firstIndex + at, term };
    });
    return { previousTerm, entries: list };
  });

test("records of version 1 are the bytes that they have always been (F1)", () => {
  const record = encodeEntries("e/wf/1", {
    previousWrite: 3,
    previousTerm: 2,
    entries: [
      { kind: "empty", index: 300, term: 3 },
      { kind: "normal", index: 301, term: 3, data: Uint8Array.of(0xaa, 0xbb) },
      {
        kind: "config",
        index: 302,
        term: 4,
        change: {
          transition: "joint-implicit",
          changes: [{ type: "add-learner", replica: 7 }],
          context: Uint8Array.of(1),
        },
      },
    ],
  });
  const head = encodeHead("g/wf/h", {
    life: "live",
    replica: 5,
    hardState: { term: 4, vote: 5, commit: 301 },
    start: { index: 100, term: 1 },
    last: { index: 302, term: 4 },
    lastWrite: 4,
    oldest: { firstIndex: 90, write: 1 },
  });
  const configuration = encodeConfiguration("g/wf/c", {
    index: 100,
    configuration: {
      voters: [1, 2, 5],
      votersOutgoing: [1],
      learners: [6],
      learnersNext: [],
      autoLeave: true,
    },
    note: Uint8Array.of(7, 8),
  });
  expect([record, head, configuration].map(hex)).toMatchInlineSnapshot(`
    [
      "24eeb1f8010302ac02030001010002aabb0201010101070101",
      "e6cc27980101050405ad026401ae0204045a01",
      "16cb9145016401030102050101010600020708",
    ]
  `);
});

test("entries come back as they were, under their own key only", () => {
  fc.assert(
    fc.property(entries, safe, (log, previousWrite) => {
      const value = encodeEntries("key", { ...log, previousWrite });
      const decoded = decodeEntries("key", value);
      expect(plain(decoded)).toEqual(plain({ kind: "ok", value: { ...log, previousWrite } }));
      expect(decodeEntries("kez", value).kind).toBe("damaged");
    }),
  );
});

test("any flipped bit and any cut is seen", () => {
  fc.assert(
    fc.property(entries, fc.nat(), fc.nat(7), (log, at, bit) => {
      const value = encodeEntries("key", { ...log, previousWrite: 1 });
      const flipped = value.slice();
      const position = at % value.length;
      flipped[position] = (flipped[position] ?? 0) ^ (1 << bit);
      expect(decodeEntries("key", flipped).kind).toBe("damaged");
      expect(decodeEntries("key", value.subarray(0, position)).kind).toBe("damaged");
    }),
  );
});

test("heads and configurations come back as they were", () => {
  const at = fc.record({ index: safe, term: safe });
  const head = fc.record({
    life: fc.constantFrom("live", "destroyed"),
    replica: safe,
    hardState: fc.record({
      term: safe,
      vote: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
      commit: safe,
    }),
    start: at,
    last: at,
    lastWrite: safe,
    oldest: fc.record({ firstIndex: safe, write: safe }),
  });
  const configuration = fc.record({
    index: safe,
    note: fc.uint8Array({ maxLength: 20 }),
    configuration: fc.record({
      voters: replicas,
      votersOutgoing: replicas,
      learners: replicas,
      learnersNext: replicas,
      autoLeave: fc.boolean(),
    }),
  });
  fc.assert(
    fc.property(head, configuration, (oneHead, oneConfiguration) => {
      expect(decodeHead("k", encodeHead("k", oneHead))).toEqual({ kind: "ok", value: oneHead });
      const value = encodeConfiguration("k", oneConfiguration);
      expect(decodeConfiguration("k", value)).toEqual({ kind: "ok", value: oneConfiguration });
    }),
  );
});

test("a whole record of a newer version is told from a damaged one", () => {
  const value = sealRecord("k", { version: 9, content: Uint8Array.of(1, 2, 3) });
  expect(decodeHead("k", value)).toEqual({ kind: "version-unknown", version: 9 });
  expect(openRecord("k", { value, versionMax: 9 }).kind).toBe("ok");
});

test("a count beyond the content is damage, and reading it ends at once", () => {
  const writer = new RecordWriter();
  for (const field of [0, 0, 1, 2 ** 53 - 1]) writer.uint(field);
  expect(decodeEntries("k", writer.seal("k", 1)).kind).toBe("damaged");
});

test("numbers and texts come back, and a number above 2^53 - 1 does not", () => {
  fc.assert(
    fc.property(fc.array(safe), fc.uint8Array(), (numbers, bytes) => {
      const text = String.fromCharCode(...bytes);
      const writer = new RecordWriter(0);
      for (const number of numbers) writer.uint(number);
      writer.text(text);
      const reader = new RecordReader(writer.seal("k", 1).subarray(5));
      expect(numbers.map(() => reader.uint())).toEqual(numbers);
      expect(reader.text()).toBe(text);
      expect(reader.complete).toBe(true);
    }),
  );
  const tooLarge = new RecordReader(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127));
  tooLarge.uint();
  expect(tooLarge.failed).toBe(true);
});
