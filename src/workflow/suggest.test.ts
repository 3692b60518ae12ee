import { expect, test } from "vitest";
import { suggest } from "./suggest.ts";

const KNOWN = ["map", "combine", "reduce", "retries", "onFailure"] as const;

test.each([
  ["combin", "combine"],
  ["combiner", "combine"],
  ["redcue", "reduce"],
  ["onfailure", "onFailure"],
  ["retry", null],
  ["timeout", null],
  ["", null],
  ["mpa", "map"],
])("for %j it suggests %j", (word, suggestion) => {
  expect(suggest(word, KNOWN)).toBe(suggestion);
});

test("the nearest of two close words wins", () => {
  expect(suggest("words", ["wrd", "word", "sword"])).toBe("word");
});

test("a long unknown word costs no time", () => {
  expect(suggest("x".repeat(1_000_000), KNOWN)).toBeNull();
});
