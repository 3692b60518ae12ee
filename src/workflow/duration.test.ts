import { expect, test } from "vitest";
import { parseDuration } from "./duration.ts";

test.each([
  ["500ms", 500],
  ["60s", 60_000],
  ["1.5m", 90_000],
  ["2h", 7_200_000],
  ["0.5s", 500],
  ["1.1s", 1100],
  ["4.35s", 4350],
  ["0ms", 0],
])("%s is %d milliseconds", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  "",
  "60",
  "s",
  "-1s",
  "+1s",
  "1 s",
  " 1s",
  "1s ",
  "1d",
  "1e3s",
  "0.5ms",
  ".5s",
  "5.s",
  "1s\n",
  "1S",
  "999999999999h",
])("%j is not a duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
