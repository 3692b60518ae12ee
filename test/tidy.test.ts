import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const files = execFileSync("find", ["src", "-name", "*.ts"], { encoding: "utf8" })
  .trim()
  .split("\n");
const text = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));

test("every error code is in docs/errors.md, and none there is dead", () => {
  const used = new Set(
    [...text.values()].flatMap((t) => [...t.matchAll(/code: "([A-Z_]+)"/g)].map((m) => m[1])),
  );
  const rows = readFileSync("docs/errors.md", "utf8").matchAll(/^\| `([A-Z_]+)`/gm);
  expect([...rows].map((m) => m[1]).sort()).toEqual([...used].sort());
});

test("no leftovers", () => {
  for (const [file, source] of text)
    expect(source, file).not.toMatch(/FIXME|\bdebugger\b|\.only\(/);
});
