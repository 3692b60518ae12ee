/** What the workers of handlers cost their node: a unit on a warm one, and a new one with all of its limits. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeMachine } from "../src/handlers/limits/probe.ts";
import { type Machine, PLAIN_MACHINE } from "../src/handlers/limits/report.ts";
import { WorkerPool } from "../src/handlers/pool.ts";
import { systemClock, systemTimers } from "../src/node/system.ts";
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
const WARM_MS = 1_000;
const MEASURE_MS = 3_000;
const STARTS = 10;

/** Processor time of the node for a unit on a warm worker, microseconds. */
const WARM_MICROS_MAX = 1_000;

type Runtime = NonNullable<HandlerRef["runtime"]>;

/** Limits of all kinds, and a sandbox. */
const ALL: Runtime = {
  ...{ cpuMillis: 1000, diskBytes: 2 ** 30, silenceMs: undefined, pids: 100 },
  ...{ isEnforced: true, sandbox: "strict", network: undefined, image: undefined },
  ...{ environment: {}, protocol: undefined, codec: undefined, separator: undefined },
  isPure: false,
  main: undefined,
};

export async function workers(): Promise<Table> {
  const before = loadNow();
  const machine = await probeMachine(systemTimers);
  const figures: Figure[] = [];
  for (const { name, file } of LANGUAGES) {
    const plain = await warm(file, PLAIN_MACHINE);
    const limited = await warm(file, machine);
    figures.push({ ...plain, name: `${name}, warm, nothing limited`, ratio: 1 });
    const ratio = limited.value / plain.value;
    figures.push({ ...limited, name: `${name}, warm, limited`, ratio });
  }
  for (const language of ["javascript", "python"] as const) {
    const plain = await starts(language, { machine: PLAIN_MACHINE, runtime: undefined });
    figures.push({ ...plain, name: `${language}, started, nothing limited`, ratio: 1 });
    const kinds = [
      { name: "limited", runtime: undefined },
      ...(machine.sandboxLacks === undefined ? [{ name: "in a sandbox", runtime: ALL }] : []),
    ];
    for (const { name, runtime } of kinds) {
      const one = await starts(language, { machine, runtime });
      const ratio = one.value / plain.value;
      figures.push({ ...one, name: `${language}, started, ${name}`, ratio });
    }
  }
  return {
    name: "workers",
    caption:
      "processor time of the node's own process for a no-op mapper on a warm worker, one in flight, and time " +
      "until a new worker has said hello.",
    baseline: "the same with nothing limited",
    figures,
    load: [before, loadNow()],
  };
}

async function warm(file: string, machine: Machine): Promise<Figure> {
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-workers-"));
  const plane = await BenchPlane.start(folder, 1, machine);
  try {
    const mapper = await plane.handler(await handlerFile(file));
    const input = await plane.store([["key", 1]]);
    const call = (): Promise<void> => plane.map({ mapper, reducer: undefined }, input);
    await closedLoop(call, { callers: 1, warmMs: 0, measureMs: WARM_MS });
    const cpuMs = cpuMsOf([process.pid]);
    const loop = await closedLoop(call, { callers: 1, warmMs: 0, measureMs: MEASURE_MS });
    return {
      name: "",
      value: (1000 * (cpuMsOf([process.pid]) - cpuMs)) / loop.operations,
      unit: "us",
      p50Ms: loop.p50Ms,
      p99Ms: loop.p99Ms,
      floor: { bound: WARM_MICROS_MAX, how: "most" },
    };
  } finally {
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function starts(
  language: HandlerRef["language"],
  { machine, runtime }: { readonly machine: Machine; readonly runtime: Runtime | undefined },
): Promise<Figure> {
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-workers-"));
  const pool = new WorkerPool({
    ...{ directory: join(folder, "workers"), clock: systemClock, timers: systemTimers },
    ...{ workersMax: 1, machine, callsMax: 0, memoryBytes: 2 ** 30 },
  });
  const need = { name: "", version: "", language, memoryBytes: undefined, runtime };
  const times: number[] = [];
  try {
    await pool.prepare();
    for (let start = 0; start < STARTS; start++) {
      const fromMs = performance.now();
      const worker = await pool.acquire(need, { user: 1 });
      times.push(performance.now() - fromMs);
      pool.release(worker);
      await worker.kill();
    }
    return { name: "", value: median(times), unit: "ms" };
  } finally {
    await pool.close();
    await rm(folder, { recursive: true, force: true });
  }
}
