/** Which call of a step's container is the first, and which a unit. */
import { expect, test } from "vitest";
import { readCall, unitPair } from "./unit.ts";

const UNIT = { index: 0, count: 1, image: "evil:1", arguments: "[]" };

async function* stream(...pairs: readonly unknown[]): AsyncGenerator<unknown> {
  yield* pairs;
}

const read = (isUnit: boolean, ...pairs: readonly unknown[]) =>
  readCall(stream(...pairs), { isUnit, countMax: 10 });

test("a pair that its own step has made is a unit", async () => {
  expect(await read(true, unitPair(UNIT))).toEqual({ kind: "unit", unit: UNIT });
});

test.each([
  ["alone", [unitPair(UNIT)]],
  ["among others", [["count", 2], unitPair(UNIT)]],
  ["without the fields of one", [[0, { "jobx.container": null }]]],
])("a pair that looks like a unit's, %s, is refused in a first call", async (_how, pairs) => {
  await expect(read(false, ...pairs)).rejects.toMatchObject({ code: "HANDLER_ARGUMENT_INVALID" });
});

test.each([
  ["none", []],
  ["one that is none", [["count", 2]]],
  ["two", [unitPair(UNIT), unitPair(UNIT)]],
])("a unit with %s pairs of a unit is refused, not taken for a first call", async (_how, pairs) => {
  await expect(read(true, ...pairs)).rejects.toMatchObject({ code: "HANDLER_ARGUMENT_INVALID" });
});

test("a first call has the arguments of its request and their count", async () => {
  const given = [
    ["count", "3"],
    ["a", { b: 1 }],
  ];
  expect(await read(false, ...given)).toEqual({
    kind: "first",
    count: 3,
    arguments: JSON.stringify(given),
  });
});
