import fc from "fast-check";
import { expect, test } from "vitest";
import { type BundleFile, decodeBundle, encodeBundle, isBundlePath } from "./bundle.ts";

const path = fc.string({ minLength: 1, maxLength: 20 }).filter(isBundlePath);
const files: fc.Arbitrary<readonly BundleFile[]> = fc.uniqueArray(
  fc.record({ path, isExecutable: fc.boolean(), bytes: fc.uint8Array() }),
  { selector: (file) => file.path },
);

test("what is packed comes out again, by path", () => {
  fc.assert(
    fc.property(files, (packed) => {
      const found = decodeBundle(encodeBundle(packed));
      const sorted = [...packed].sort((left, right) => (left.path < right.path ? -1 : 1));
      expect(found).toEqual({ kind: "files", files: sorted });
    }),
  );
});

test("the order in which files are given changes nothing", () => {
  const [a, b] = ["a", "b"].map((name) => ({
    ...{ path: name, isExecutable: false, bytes: new Uint8Array([1]) },
  }));
  if (a === undefined || b === undefined) throw new Error("two files");
  expect(encodeBundle([a, b])).toEqual(encodeBundle([b, a]));
});

test("any bytes give files or a reason", () => {
  fc.assert(
    fc.property(files, fc.nat(), fc.nat(255), (packed, at, value) => {
      const bytes = encodeBundle(packed);
      bytes[at % bytes.length] = value;
      expect(["files", "malformed"]).toContain(decodeBundle(bytes).kind);
      expect(decodeBundle(bytes.subarray(0, at % bytes.length)).kind).toBe("malformed");
    }),
  );
});

test.each(["", "/etc/passwd", "a//b", "../a", "a/..", "a/./b", "a\0b"])(
  "%j is no path of a bundle",
  (wrong) => {
    expect(isBundlePath(wrong)).toBe(false);
    const bytes = encodeBundle([{ path: wrong, isExecutable: false, bytes: new Uint8Array() }]);
    expect(decodeBundle(bytes).kind).toBe("malformed");
  },
);
