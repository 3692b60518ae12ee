/** How much of each decoder the fuzzer's own inputs reach: branches, by the coverage of V8. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import {
  asList,
  asRecord,
  type JsonRecord,
  numberOf,
  parseRecord,
  textOf,
} from "../../scripts/lib/json.ts";
import type { FuzzArguments } from "./arguments.ts";
import { TARGETS } from "./targets.ts";

/** Part of its branches that is to be reached of every decoder. */
const BRANCH_RATIO_MIN = 0.9;

/** What only writes: its bounds are asserted, and nothing from outside comes there. */
const WRITES =
  /^(?:(?:encode|write|print|seal|unfit|finish|append|packFields|copy|clear|advance|set)|.*Text$)/iu;

const ROOT = join(import.meta.dirname, "../..");

/** What stands behind `??` only because the type of an index asks for it: no input leads there. */
const FALLBACK = /^(?:0(?:x80)?|1|""|"x"|"yield"|\[\])[^\w]*$/u;

interface Covered {
  readonly file: string;
  readonly reached: number;
  readonly branches: number;
  /** Lines of branches that no input reached. */
  readonly missing: readonly number[];
}

/** Runs the short form under coverage and prints a line for each decoder. @returns an exit code. */
export function coverage(asked: FuzzArguments): number {
  const files = [...new Set(TARGETS.flatMap(({ reads }) => reads))].sort();
  const folder = mkdtempSync(join(tmpdir(), "jobx-fuzz-"));
  try {
    const include = files.map((file) => `--coverage.include=src/${file}`);
    const reports = ["--coverage.reporter=json", `--coverage.reportsDirectory=${folder}`];
    const args = ["run", "--project", "fuzz", "test/fuzz/decoders.test.ts", "--coverage"];
    execFileSync(join(ROOT, "node_modules/.bin/vitest"), [...args, ...reports, ...include], {
      cwd: ROOT,
      env: { ...process.env, FUZZ_RUNS: `${asked.runs}`, FUZZ_SEED: `${asked.seed}` },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const report = parseRecord(readFileSync(join(folder, "coverage-final.json"), "utf8"), "report");
    const covered = Object.values(report).map((one) => coveredOf(asRecord(one, "a file")));
    covered.sort((one, other) => (one.file < other.file ? -1 : 1));
    for (const one of covered) console.log(lineOf(one));
    return covered.every((one) => ratioOf(one) >= BRANCH_RATIO_MIN) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function ratioOf({ reached, branches }: Covered): number {
  return branches === 0 ? 1 : reached / branches;
}

function lineOf(one: Covered): string {
  const missing = one.missing.length === 0 ? "" : `  not reached: ${one.missing.join(", ")}`;
  const share = `${(100 * ratioOf(one)).toFixed(0)} %`.padStart(6);
  return `${one.file.padEnd(38)} ${String(one.branches).padStart(4)} branches ${share}${missing}`;
}

/** One file of a report in Istanbul's form. */
function coveredOf(file: JsonRecord): Covered {
  const writers = Object.values(asRecord(file["fnMap"], "fnMap"))
    .map((one) => asRecord(one, "a function"))
    .filter((one) => WRITES.test(textOf(one, "name").replace(/^#/u, "")))
    .map((one) => linesOf(asRecord(one["loc"], "loc")));
  const map = asRecord(file["branchMap"], "branchMap");
  const source = readFileSync(textOf(file, "path"), "utf8").split("\n");
  const missing: number[] = [];
  let branches = 0;
  for (const [id, hits] of Object.entries(asRecord(file["b"], "b"))) {
    const branch = asRecord(map[id], "a branch");
    const { from } = linesOf(asRecord(branch["loc"], "loc"));
    const places = asList(branch["locations"], "locations");
    if (writers.some((writer) => from >= writer.from && from <= writer.to)) continue;
    for (const [at, count] of asList(hits, "hits").entries()) {
      if (branch["type"] === "binary-expr" && FALLBACK.test(textAt(source, places[at]))) continue;
      branches += 1;
      if (count === 0) missing.push(from);
    }
  }
  const name = relative(join(ROOT, "src"), textOf(file, "path"));
  return { file: name, branches, reached: branches - missing.length, missing };
}

/** The source of a place, to the end of its line where no other end is told. */
function textAt(source: readonly string[], place: unknown): string {
  const at = asRecord(place, "a place");
  const { line, column: from } = asRecord(at["start"], "start");
  const { column: to } = asRecord(at["end"], "end");
  // An `else` that is not written has no place.
  if (typeof from !== "number" || typeof line !== "number") return "";
  return (source[line - 1] ?? "").slice(from, typeof to === "number" ? to : undefined);
}

function linesOf(location: JsonRecord): { readonly from: number; readonly to: number } {
  return {
    from: numberOf(asRecord(location["start"], "start"), "line"),
    to: numberOf(asRecord(location["end"], "end"), "line"),
  };
}
