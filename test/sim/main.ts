/** `npm run sim`: runs seeds, prints totals, exits with 1 when a seed fails or a total is zero. */
import { fork } from "node:child_process";
import { readArguments, type SimArguments, USAGE } from "./arguments.ts";
import { emptyTotals, failureText, runBatch } from "./batch.ts";
import { addTotals, newTotals, type Totals, totalsText } from "./totals.ts";

/** Smaller batches may miss something by chance. */
const COMPLETE_RUNS_MIN = 100;

/** Seeds between two words of progress. */
const PROGRESS_RUNS = 50;

/** Failures of one process after which it has found enough to work on. */
const FAILURES_MAX = 5;

/** What one process found. */
interface Found {
  readonly totals: Totals;
  readonly failed: number;
}

function* seedsOf(asked: SimArguments, worker: number): Generator<number> {
  const startMs = performance.now();
  for (let run = worker; run < asked.runs; run += asked.processes) {
    const minutes = (performance.now() - startMs) / 60_000;
    if (asked.minutes !== undefined && minutes >= asked.minutes) return;
    yield asked.seed + run;
  }
}

async function runHere(asked: SimArguments, worker: number): Promise<Found> {
  const { bugs, watchesDisks } = asked;
  let count = 0;
  let failed = 0;
  const { totals, failures } = await runBatch({
    seeds: seedsOf(asked, worker),
    bugs,
    watchesDisks,
    ...(asked.trace ? { print: (line: string) => console.log(line) } : {}),
    after: (report) => {
      if (report.failure !== undefined) console.log(failureText(report, asked));
      count += 1;
      if (count % PROGRESS_RUNS === 0) console.log(`${count} seeds up to ${report.seed}`);
      if (report.failure !== undefined) failed += 1;
      return failed < (asked.first ? 1 : FAILURES_MAX);
    },
  });
  return { totals, failed: failures.length };
}

function runElsewhere(args: readonly string[], worker: number): Promise<Found> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, [...args], {
      env: { ...process.env, SIM_WORKER: `${worker}` },
    });
    let found: Found | undefined;
    child.on("message", (message: Found) => {
      found = message;
    });
    child.on("exit", (code) => {
      if (found === undefined) reject(new Error(`a process ended early with code ${code}`));
      else resolve(found);
    });
  });
}

async function main(): Promise<number> {
  const startMs = performance.now();
  const given = process.argv.slice(2);
  const drawn = Math.floor(Date.now() % 1_000_000_000);
  let asked: SimArguments;
  try {
    asked = readArguments(given, drawn);
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    console.log(USAGE);
    return 2;
  }
  const worker = process.env["SIM_WORKER"];
  if (worker !== undefined) {
    const found = await runHere(asked, Number(worker));
    process.send?.(found);
    return 0;
  }
  const args = [...given, "--seed", `${asked.seed}`];
  const found =
    asked.processes === 1
      ? [await runHere(asked, 0)]
      : await Promise.all(
          Array.from({ length: asked.processes }, (_, number) => runElsewhere(args, number)),
        );
  const totals = newTotals();
  for (const one of found) addTotals(totals, one.totals);
  const failed = found.reduce((sum, one) => sum + one.failed, 0);
  const seconds = (performance.now() - startMs) / 1_000;
  console.log(`seeds ${asked.seed} and following, ${seconds.toFixed(0)} s`);
  console.log(totalsText(totals));
  const empty = emptyTotals(totals);
  if (totals.seeds >= COMPLETE_RUNS_MIN && empty.length > 0) {
    console.log(`never happened: ${empty.join(", ")}`);
    return 1;
  }
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
