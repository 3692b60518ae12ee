import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const program = join(import.meta.dirname, "tests-summary.ts");
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tests-summary-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function report(
  passed: number,
  skipped: number,
  failed: number,
  files: readonly object[] = [],
): string {
  return JSON.stringify({
    numPassedTests: passed,
    numPendingTests: skipped,
    numTodoTests: 0,
    numFailedTests: failed,
    testResults: files,
  });
}

function summary(areas: readonly string[], reports: Readonly<Record<string, string>>) {
  writeFileSync(join(folder, "areas.tsv"), `${areas.join("\n")}\n`);
  for (const [name, text] of Object.entries(reports))
    writeFileSync(join(folder, `${name}.json`), text);
  const run = spawnSync(process.execPath, [program, folder], { encoding: "utf8" });
  return { lines: run.stdout.trim().split("\n"), status: run.status, errors: run.stderr };
}

test("the last two lines sum up all areas, and a green run exits with 0", () => {
  const { lines, status } = summary(
    ["lint\t6.0\t0\tcheck", "unit\t60.0\t0\ttests", "sim\t30.0\t0\ttests"],
    { unit: report(10, 2, 0), sim: report(5, 0, 0) },
  );
  expect(lines.slice(-2)).toEqual([
    "15 passed, 0 failed, 2 skipped",
    "Tests 15 passed | 2 skipped | 0 failed",
  ]);
  expect(status).toBe(0);
});

test("a failed check, an area without a test and a report that is missing each count as failed", () => {
  const { lines, status } = summary(
    ["types\t6.0\t2\tcheck", "unit\t1.0\t0\ttests", "sim\t1.0\t0\ttests", "e2e\t1.0\t124\ttests"],
    { unit: report(3, 0, 0), sim: report(0, 0, 0) },
  );
  expect(lines.at(-1)).toBe("Tests 3 passed | 0 skipped | 3 failed");
  expect(status).toBe(1);
});

test("a test file that could not be loaded is one failed test", () => {
  const broken = { status: "failed", assertionResults: [] };
  const { lines, status } = summary(["unit\t1.0\t1\ttests"], { unit: report(3, 0, 0, [broken]) });
  expect(lines.at(-1)).toBe("Tests 3 passed | 0 skipped | 1 failed");
  expect(status).toBe(1);
});
