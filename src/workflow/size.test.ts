import { expect, test } from "vitest";
import { parseSize, sizeText } from "./size.ts";

test.each([
  ["0", 0],
  ["1048576", 1048576],
  ["1KiB", 1024],
  ["1.5 GiB", 1610612736],
  ["512MiB", 536870912],
])("%s is so many bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(["", "1MB", "MiB", "-1", "1e3", " 1", "1  MiB", "9999999999999999", "1.MiB"])(
  "'%s' is no size",
  (text) => {
    expect(parseSize(text)).toBeUndefined();
  },
);

test("a size is told in mebibytes, and a small one exactly", () => {
  expect([sizeText(1000), sizeText(2 ** 20), sizeText(1.6 * 2 ** 30)]).toEqual([
    "1000 bytes",
    "1 MiB",
    "1638 MiB",
  ]);
});
