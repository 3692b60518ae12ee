/** What calling handlers costs, per language, through the data plane of one node. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HandlerRef } from "../src/wire/dataset.ts";
import { cpuMsOf } from "./lib/cpu.ts";
import { handlerFile } from "./lib/definition.ts";
import { closedLoop } from "./lib/loop.ts";
import { BenchPlane } from "./lib/plane.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";
import { median } from "./lib/statistics.ts";

const LANGUAGES = [
  { name: "JavaScript", file: "pass.js" },
  { name: "Python", file: "pass.py" },
];
const SLOTS = 2;
const IN_FLIGHT = [1, 4];
const WARM_MS = 1_000;
const MEASURE_MS = 3_000;
/** Pairs of a call that measures records. */
const RECORDS = 50_000;
const RECORD_ROUNDS = 5;

export async function handlers(): Promise<Table> {
  const before = loadNow();
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-handlers-"));
  const plane = await BenchPlane.start(folder, SLOTS);
  try {
    const echo = await pipeEcho();
    const figures: Figure[] = [echo];
    for (const { name, file } of LANGUAGES) {
      for (const callers of IN_FLIGHT) {
        const figure = await calls(plane, await plane.handler(await handlerFile(file)), callers);
        figures.push({
          ...figure,
          name: `${name}, ${callers} in flight`,
          ratio: figure.value / echo.value,
        });
      }
    }
    for (const { name, file } of LANGUAGES) {
      const mapper = await plane.handler(await handlerFile(file));
      figures.push({ ...(await records(plane, mapper)), name: `${name}, pairs in and out` });
    }
    return {
      name: "handlers",
      caption:
        `no-op mappers through one node's data plane with ${SLOTS} slots. Durability: sync for ` +
        "runs; small results stay in memory until their completion is committed.",
      baseline: "pipe echo",
      figures,
      load: [before, loadNow()],
    };
  } finally {
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** One line there and back through the pipes of a process: no call of a worker can cost less. */
export async function pipeEcho(): Promise<Figure> {
  const child = spawn(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let back: (() => void) | undefined;
  child.stdout.on("data", () => back?.());
  const figure = await measured(1, async () => {
    await new Promise<void>((resolve) => {
      back = resolve;
      child.stdin.write(`${"x".repeat(99)}\n`);
    });
  });
  child.stdin.end();
  return { ...figure, name: "pipe echo", ratio: 1 };
}

/** Calls with one pair. */
export async function calls(
  plane: BenchPlane,
  mapper: HandlerRef,
  callers: number,
): Promise<Figure> {
  const input = await plane.store([["key", 1]]);
  return measured(callers, () => plane.map({ mapper, reducer: undefined }, input));
}

async function measured(callers: number, call: () => Promise<void>): Promise<Figure> {
  await closedLoop(call, { callers, warmMs: 0, measureMs: WARM_MS });
  const cpuMs = cpuMsOf([process.pid]);
  const loop = await closedLoop(call, { callers, warmMs: 0, measureMs: MEASURE_MS });
  return {
    name: "",
    value: (1000 * loop.operations) / loop.elapsedMs,
    unit: "calls/s",
    p50Ms: loop.p50Ms,
    p99Ms: loop.p99Ms,
    cpuMicros: (1000 * (cpuMsOf([process.pid]) - cpuMs)) / loop.operations,
  };
}

/** All that happens to a large dataset: read, to the worker, back, sorted, written, synced. */
export async function records(plane: BenchPlane, mapper: HandlerRef): Promise<Figure> {
  const input = await plane.store(
    Array.from({ length: RECORDS }, (_, at) => [`key ${at}`, at] as const),
  );
  const times: number[] = [];
  await plane.map({ mapper, reducer: undefined }, input);
  const cpuMs = cpuMsOf([process.pid]);
  for (let round = 0; round < RECORD_ROUNDS; round++) {
    const fromMs = performance.now();
    await plane.map({ mapper, reducer: undefined }, input);
    times.push(performance.now() - fromMs);
  }
  const all = RECORDS * RECORD_ROUNDS;
  return {
    name: "",
    value: (1000 * RECORDS) / median(times),
    unit: "pairs/s",
    cpuMicros: (1000 * (cpuMsOf([process.pid]) - cpuMs)) / all,
  };
}
