import { expect, test } from "vitest";
import { COPY_AGE_MS_MAX, CopyAge } from "./copy-age.ts";

test("a copy is fresh from its first leader on, and for a minute after it lost the last one", () => {
  const age = new CopyAge();
  age.look(0, false);
  expect(age.isFresh(0)).toBe(false);
  age.look(500, true);
  expect(age.isFresh(500)).toBe(true);
  age.look(1_000, false);
  expect(age.isFresh(500 + COPY_AGE_MS_MAX)).toBe(true);
  expect(age.isFresh(501 + COPY_AGE_MS_MAX)).toBe(false);
  age.look(90_000, true);
  expect(age.isFresh(90_000)).toBe(true);
});
