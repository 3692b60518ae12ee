import { expect, test } from "vitest";
import { PATH_LENGTH_MAX, parseUnitId, type UnitRef, unitId } from "./unit.ts";

const UNITS: readonly UnitRef[] = [
  { kind: "map", request: 3, path: [] },
  { kind: "map", request: 3, path: [0, 12, 999_999] },
  { kind: "map", request: 3, path: Array.from({ length: PATH_LENGTH_MAX }, () => 0) },
  { kind: "reduce", request: 3, path: [], part: 0 },
  { kind: "reduce", request: 3, path: [7], part: 1023 },
];

test("the id of a unit says all that it was made of, also where the workflow's name has dots", () => {
  for (const unit of UNITS) {
    const id = unitId("words.r.1-7-3", unit);
    expect(parseUnitId(id)).toEqual({ workflow: "words.r.1", group: 7, unit });
  }
  expect(new Set(UNITS.map((unit) => unitId("w-7-3", unit))).size).toBe(UNITS.length);
});

test.each([
  ["words-7-3"],
  ["words-7-3.r."],
  ["words-7-3.r.01"],
  ["words-07-3.r"],
  ["words-7-3.r.1~"],
  ["words-7-3.r.1~01"],
  ["words-7-3.r~1.2"],
  ["words-7-3.r.1~99999"],
  ["words-7-3.r.-1"],
  ["words-7-3.r.9007199254740993000"],
  [`words-7-3.r${".0".repeat(PATH_LENGTH_MAX + 1)}`],
  ["words.r"],
  [""],
])("%s is the id of no unit", (id) => {
  expect(parseUnitId(id)).toBeUndefined();
});
