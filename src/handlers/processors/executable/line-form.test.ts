import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lineReader, lineWriter } from "./line-form.ts";
import { LineSplitter } from "./line-splitter.ts";

const TSV = { codec: "tsv", separator: "\t" } as const;
const FORMS = [
  TSV,
  { codec: "tsv", separator: "::" },
  { codec: "tsv", separator: " " },
  { codec: "ndjson", separator: "\t" },
] as const;

describe.each(FORMS)("%j", (form) => {
  test("what is written is one line and is read back as it was", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }).filter((any) => any.isWellFormed()),
      fc.constantFrom(
        "1",
        "1.0",
        "-0",
        "null",
        "true",
        "[1",
        '"',
        "a\tb",
        "a::b",
        "a\nb",
        "\r",
        "",
      ),
    );
    const value = fc.oneof(text, fc.integer(), fc.double({ noNaN: true }), fc.boolean());
    const nested = fc.oneof(value, fc.constant(null), fc.array(value), fc.dictionary(text, value));
    fc.assert(
      fc.property(text, nested, (key, data) => {
        const plain: unknown = JSON.parse(JSON.stringify(data));
        const line = lineWriter(form)(key, plain);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(lineReader(form)(line.slice(0, -1))).toEqual([key, plain]);
      }),
    );
  });
});

test.each([
  ["the\t7", ["the", 7]],
  ["007\t1.50", ["007", "1.50"]],
  ["a\tb\tc", ["a", "b\tc"]],
  ["\t", ["", ""]],
  ["12345678901234567890\tNaN", ["12345678901234567890", "NaN"]],
  ['{"a":1}\t[1,"x"]', [{ a: 1 }, [1, "x"]]],
  ['"7"\tnull', ["7", null]],
])("the line %j is the pair %j", (line, pair) => {
  expect(lineReader(TSV)(line)).toEqual(pair);
});

test.each(["no separator", ""])("the line %j is no pair", (line) => {
  expect(lineReader(TSV)(line)).toBeUndefined();
});

test.each(["", "[1]", "[1,2,3]", "{}", "[1,2"])("%j is no pair of ndjson", (line) => {
  expect(lineReader({ codec: "ndjson", separator: "" })(line)).toBeUndefined();
});

test("a key that is a list with the separator in it is refused with its reason", () => {
  expect(() => lineWriter({ codec: "tsv", separator: "," })([1, 2], 0)).toThrow("codec: ndjson");
});

describe("LineSplitter", () => {
  test("gives the same lines however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), fc.array(fc.nat(9)), (texts, cuts) => {
        const lines = texts.map((one) => one.replaceAll("\n", " "));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const splitter = new LineSplitter(1000);
        const got: unknown[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          const found = splitter.push(bytes.subarray(at, at + cut));
          got.push(...(found === "too long" ? [found] : found));
          at += cut;
        }
        expect([...got, ...splitter.finish()]).toEqual(lines);
      }),
    );
  });

  test("a line that is no UTF-8 harms no other one", () => {
    const bytes = Buffer.concat([Buffer.from("a\n"), Buffer.from([0xff]), Buffer.from("\nb\nc")]);
    const splitter = new LineSplitter(100);
    expect(splitter.push(bytes)).toEqual(["a", undefined, "b"]);
    expect(splitter.finish()).toEqual(["c"]);
  });

  test("a line beyond the bound is told before it is whole", () => {
    const splitter = new LineSplitter(4);
    expect([splitter.push(Buffer.from("abc")), splitter.push(Buffer.from("de"))]).toEqual([
      [],
      "too long",
    ]);
  });
});
