/** Many seeds, one after the other, with what a failure needs to be played again. */
import { execFileSync } from "node:child_process";
import type { PlantedBugs } from "../../src/std/planted-bugs.ts";
import { guardMachine } from "./guards.ts";
import { type Report, simulate } from "./simulation.ts";
import { addTotals, missingTotals, newTotals, type Totals } from "./totals.ts";

export interface BatchOptions {
  readonly seeds: Iterable<number>;
  readonly bugs?: PlantedBugs;
  readonly watchesDisks?: boolean;
  /** Gets every line of each trace. */
  readonly print?: (line: string) => void;
  /** Told after each seed; false ends the batch. */
  readonly after?: (report: Report) => boolean;
}

export interface BatchResult {
  readonly totals: Totals;
  readonly failures: readonly Report[];
}

/** Runs the seeds; after a failure it goes on unless `after` says otherwise. */
export async function runBatch(options: BatchOptions): Promise<BatchResult> {
  const { seeds, bugs = {}, watchesDisks = true, print, after } = options;
  const totals = newTotals();
  const failures: Report[] = [];
  for (const seed of seeds) {
    const report = await simulateGuarded({
      seed,
      bugs,
      watchesDisks,
      ...(print === undefined ? {} : { print }),
    });
    addTotals(totals, report.totals);
    if (report.failure !== undefined) failures.push(report);
    if (after?.(report) === false) break;
  }
  return { totals, failures };
}

/** Runs one seed and fails it when anything asked the machine for time or chance. */
export async function simulateGuarded(options: Parameters<typeof simulate>[0]): Promise<Report> {
  const leaks = new Set<string>();
  const release = guardMachine((what) => leaks.add(what));
  try {
    const report = await simulate(options);
    if (leaks.size === 0) return report;
    const failure = `the machine was asked: ${[...leaks].join(", ")}`;
    return { ...report, failure: report.failure ?? failure };
  } finally {
    release();
  }
}

/** How to see a failure again, and the end of what led to it. */
export function failureText(
  report: Report,
  asked: { readonly bugs: PlantedBugs; readonly watchesDisks: boolean },
): string {
  const bug = Object.keys(asked.bugs)
    .map((name) => ` --bug ${name}`)
    .join("");
  const watch = asked.watchesDisks ? "" : " --no-disk-watch";
  return [
    ...report.tail,
    "",
    `seed ${report.seed} failed: ${report.failure}`,
    `commit ${commit()}`,
    `again: npm run sim -- --seed ${report.seed}${bug}${watch} --trace`,
  ].join("\n");
}

/** What never happened in a batch that is large enough for everything to happen. */
export function emptyTotals(totals: Totals): readonly string[] {
  return missingTotals(totals);
}

function commit(): string {
  try {
    const dirty = git("status", "--porcelain", "src", "test") !== "";
    const head = git("rev-parse", "HEAD");
    return dirty ? `${head} with changes that are not committed` : head;
  } catch {
    return "unknown";
  }
}

function git(...args: readonly string[]): string {
  return execFileSync("git", [...args], { encoding: "utf8", stdio: "pipe" }).trim();
}
