import fc from "fast-check";
import { expect, test } from "vitest";
import { isSame } from "./equal.ts";

test("plain data is the same exactly when its JSON, with sorted members, is", () => {
  const sorted = (value: unknown): string =>
    JSON.stringify(value, (_, member: unknown) =>
      typeof member === "object" && member !== null && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
        : member,
    );
  const data = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(data, data, (left, right) => {
      expect(isSame(left, right)).toBe(sorted(left) === sorted(right));
      expect(isSame(left, JSON.parse(JSON.stringify(left)))).toBe(true);
    }),
  );
});

test("a list is no object, an absent member is one that is undefined, null is neither, and -0 is 0", () => {
  expect(isSame([], {})).toBe(false);
  expect(isSame({ a: 1, b: undefined }, { a: 1 })).toBe(true);
  expect(isSame({ a: null }, {})).toBe(false);
  expect(isSame([-0], [0])).toBe(true);
  expect(isSame({ a: undefined, b: 1 }, { a: 1, b: undefined })).toBe(false);
});
