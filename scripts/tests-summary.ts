/**
 * Sums up a run of `scripts/test.sh`: a table of minutes by area, then the line `Tests N passed | M
 * skipped | K failed` over all. Called with the folder in which test.sh left `areas.tsv` (area, seconds,
 * exit code, `tests` or `check`) and one vitest report, `AREA.json`, for each area of tests.
 *
 * A check without tests (types, lint, ...) that fails counts as one failed test, so that the last line
 * never looks green over a red run. So does an area that ended badly, or ran no test, without a failed
 * test to show for it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asList, asRecord, numberOf, parseRecord, textOf } from "./lib/json.ts";

interface Counts {
  readonly passed: number;
  readonly skipped: number;
  readonly failed: number;
}

interface Area extends Counts {
  readonly name: string;
  readonly seconds: number;
  readonly note: string;
}

const NONE: Counts = { passed: 0, skipped: 0, failed: 0 };

/** The counts of a vitest report; a file that could not even be loaded is one failed test. */
function countsOfReport(path: string): Counts {
  if (!existsSync(path)) return NONE;
  const report = parseRecord(readFileSync(path, "utf8"), path);
  const broken = asList(report["testResults"], "testResults").filter((item) => {
    const file = asRecord(item, "a test file");
    const tests = asList(file["assertionResults"], "assertionResults");
    const failed = tests.some((test) => textOf(asRecord(test, "a test"), "status") === "failed");
    return textOf(file, "status") === "failed" && !failed;
  });
  return {
    passed: numberOf(report, "numPassedTests"),
    skipped: numberOf(report, "numPendingTests") + numberOf(report, "numTodoTests"),
    failed: numberOf(report, "numFailedTests") + broken.length,
  };
}

function readArea(folder: string, line: string): Area {
  const [name = "", seconds = "", exit = "", kind = ""] = line.split("\t");
  const good = exit === "0";
  if (kind === "check") {
    const note = good ? "" : `exit ${exit}`;
    return { ...NONE, failed: good ? 0 : 1, name, seconds: Number(seconds), note };
  }
  const counts = countsOfReport(join(folder, `${name}.json`));
  const ran = counts.passed + counts.failed > 0;
  const note = ran ? (good ? "" : `exit ${exit}`) : "no test ran";
  const hidden = counts.failed === 0 && (!good || !ran) ? 1 : 0;
  return { ...counts, failed: counts.failed + hidden, name, seconds: Number(seconds), note };
}

function main(folder: string): number {
  const areas = readFileSync(join(folder, "areas.tsv"), "utf8")
    .trim()
    .split("\n")
    .map((line) => readArea(folder, line));
  const sum = (pick: (area: Area) => number): number =>
    areas.reduce((s, area) => s + pick(area), 0);
  const total: Area = {
    name: "all",
    seconds: sum((area) => area.seconds),
    passed: sum((area) => area.passed),
    skipped: sum((area) => area.skipped),
    failed: sum((area) => area.failed),
    note: "",
  };
  console.log("\narea      minutes   passed  skipped   failed");
  for (const { name, seconds, passed, skipped, failed, note } of [...areas, total]) {
    const columns = [passed, skipped, failed].map((count) => String(count).padStart(8)).join(" ");
    console.log(`${name.padEnd(8)} ${(seconds / 60).toFixed(2).padStart(8)} ${columns}  ${note}`);
  }
  const { passed, skipped, failed } = total;
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  console.log(`Tests ${passed} passed | ${skipped} skipped | ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

process.exitCode = main(process.argv[2] ?? ".");
