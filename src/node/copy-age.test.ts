import { expect, test } from "vitest";
import { CopyAges } from "./copy-age.ts";

test("a copy is as old as the last word of a leader, and of unknown age before the first", () => {
  const ages = new CopyAges();
  ages.look(0, [{ group: 1, led: false }]);
  expect(ages.ageMs(1, 0)).toBeUndefined();
  ages.look(500, [
    { group: 1, led: true },
    { group: 2, led: false },
  ]);
  expect([ages.ageMs(1, 700), ages.ageMs(2, 700)]).toEqual([200, undefined]);
  ages.look(1_000, [{ group: 1, led: false }]);
  expect(ages.ageMs(1, 61_000)).toBe(60_500);
  ages.look(90_000, [{ group: 1, led: true }]);
  expect(ages.ageMs(1, 90_000)).toBe(0);
  // A group that has no replica here any more is forgotten.
  ages.look(91_000, []);
  expect(ages.ageMs(1, 91_000)).toBeUndefined();
});
