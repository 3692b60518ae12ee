import fc from "fast-check";
import { expect, test } from "vitest";
import { NAME_BYTES_MAX } from "../../std/name-bounds.ts";
import { TreeError } from "./errors.ts";
import { nameOfText, nameText } from "./keys.ts";
import { checkName, checkSymlink, namesOf, PATH_NAMES_MAX, utf8Length } from "./names.ts";

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof TreeError) return error.code;
    throw error;
  }
  return "none";
}

test("a relative, normalised path is its names, and the empty one has none", () => {
  expect(namesOf("a/b c/.d/…é")).toEqual(["a", "b c", ".d", "…é"]);
  expect(namesOf("")).toEqual([]);
});

test.each([
  "/a",
  "a/",
  "a//b",
  ".",
  "a/./b",
  "..",
  "a/../../b",
  "a\0b",
  "a\nb",
  "\u007f",
  "\u0085",
  "a\ud800",
  "\udc00b",
])("the path %j is refused", (path) => {
  expect(codeOf(() => namesOf(path))).toBe("FS_NAME_INVALID");
});

test("a name has at most 255 bytes of UTF-8, not characters", () => {
  expect(codeOf(() => checkName("a".repeat(NAME_BYTES_MAX)))).toBe("none");
  expect(codeOf(() => checkName("a".repeat(NAME_BYTES_MAX + 1)))).toBe("FS_NAME_TOO_LONG");
  expect(codeOf(() => checkName("é".repeat(127)))).toBe("none");
  expect(codeOf(() => checkName("é".repeat(128)))).toBe("FS_NAME_TOO_LONG");
});

test("a path has at most 4096 bytes and 256 names", () => {
  const long = Array.from({ length: 17 }, () => "é".repeat(120)).join("/");
  expect(utf8Length(long)).toBe(17 * 240 + 16);
  expect(codeOf(() => namesOf(long))).toBe("none");
  expect(codeOf(() => namesOf(`${long}/aa`))).toBe("FS_NAME_TOO_LONG");
  const deep = Array.from({ length: PATH_NAMES_MAX }, () => "a").join("/");
  expect(codeOf(() => namesOf(deep))).toBe("none");
  expect(codeOf(() => namesOf(`${deep}/a`))).toBe("FS_NAME_TOO_LONG");
});

test("a symbolic link says any text but none, NUL, half a character, or more than 4096 bytes", () => {
  for (const fine of ["../../etc/x", "/a//b", "."])
    expect(codeOf(() => checkSymlink(fine))).toBe("none");
  for (const bad of ["", "a\0", "\ud800"])
    expect(codeOf(() => checkSymlink(bad))).toBe("FS_NAME_INVALID");
  expect(codeOf(() => checkSymlink("a".repeat(4097)))).toBe("FS_NAME_TOO_LONG");
});

test("names in keys are ASCII, say the same again, and lie in the order of their bytes", () => {
  const name = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }),
    fc.stringMatching(/^[ -~é€😀]{1,6}$/u),
  );
  const valid = name.filter((text) => codeOf(() => checkName(text)) === "none");
  fc.assert(
    fc.property(valid, valid, (left, right) => {
      const [a, b] = [nameText(left), nameText(right)];
      expect(a).toMatch(/^[ -~]+$/);
      expect(nameOfText(a)).toBe(left);
      expect(utf8Length(left)).toBe(Buffer.byteLength(left));
      const bytes = Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right)));
      expect(a < b ? -1 : Number(a > b)).toBe(bytes);
    }),
    { numRuns: 2000, seed: 1 },
  );
});
