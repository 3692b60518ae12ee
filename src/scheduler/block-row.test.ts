import fc from "fast-check";
import { expect, test } from "vitest";
import { textData } from "../../test/lib/scheduler-values.ts";
import { resultsOf, withResult } from "./block-row.ts";
import type { BlockRow, ChildResult } from "./rows.ts";

const drawn = fc.record({
  child: fc.nat(31),
  data: fc.constantFrom<ChildResult["data"]>(undefined, [], textData("a")),
  failureCode: fc.constantFrom(undefined, "A", "B"),
  attempts: fc.integer({ min: 1, max: 2 }),
  node: fc.constantFrom("a", "b"),
  ...{ grantedMs: fc.nat(1), ran: fc.option(fc.nat(3), { nil: undefined }), took: fc.nat(2) },
});

/** Granted, then perhaps started, then ended. */
const resultArbitrary = drawn.map(({ ran, took, ...rest }): ChildResult => {
  const startedMs = ran === undefined ? undefined : rest.grantedMs + ran;
  return { ...rest, startedMs, endedMs: (startedMs ?? rest.grantedMs) + took };
});

const resultsArbitrary = fc.uniqueArray(resultArbitrary, {
  selector: ({ child }) => child,
  minLength: 1,
});

function blockOf(results: readonly ChildResult[]): BlockRow {
  let block: BlockRow | undefined;
  for (const result of results) block = withResult(block, result);
  return block ?? { kind: "block", stretches: [] };
}

test("a block keeps every child's result, in the order of children, whatever order they came in", () => {
  fc.assert(
    fc.property(resultsArbitrary, (results) => {
      const wanted = [...results].sort((left, right) => left.child - right.child);
      expect(resultsOf(blockOf(results))).toEqual(wanted);
    }),
  );
});

test("the same results make the same row whatever order they came in", () => {
  fc.assert(
    fc.property(resultsArbitrary, (results) => {
      expect(blockOf([...results].reverse())).toEqual(blockOf(results));
    }),
  );
});

test("neighbours that were granted alike share a stretch, whenever each of them ran", () => {
  const alike = { data: [], failureCode: undefined, attempts: 1, node: "a", grantedMs: 1 };
  const block = blockOf(
    [0, 2, 1, 4].map((child) => ({ child, ...alike, startedMs: 2 + child, endedMs: 3 + child })),
  );
  expect(block.stretches.map(({ first, children }) => [first, children.length])).toEqual([
    [0, 3],
    [4, 1],
  ]);
});

test("a second result of a child is a mistake of the program, also in the middle of a stretch", () => {
  const alike = {
    data: [],
    failureCode: undefined,
    attempts: 1,
    node: "a",
    grantedMs: 0,
    startedMs: 1,
    endedMs: 2,
  };
  const block = blockOf([0, 1, 2].map((child) => ({ child, ...alike })));
  for (const child of [0, 1, 2]) {
    expect(() => withResult(block, { child, ...alike })).toThrow("two committed completions");
  }
});
