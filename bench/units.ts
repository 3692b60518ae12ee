/** Units per second on warm workers, and the time from a submission to its result. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RequestView } from "../src/api/ports.ts";
import { BenchCluster } from "./lib/cluster.ts";
import { cpuMsOf } from "./lib/cpu.ts";
import { applyBench, handlerFile, WORKFLOW } from "./lib/definition.ts";
import { closedLoop } from "./lib/loop.ts";
import type { BenchOptions } from "./lib/options.ts";
import { BenchPlane } from "./lib/plane.ts";
import { profiled } from "./lib/profile.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";
import { median, percentile } from "./lib/statistics.ts";

/** Units of a request. */
const UNITS = 4000;
const ROUNDS = 5;
const SINGLES = 100;
const SLOTS = 2;
const UNITS_FLOOR = 2_000;
const WAIT_MS = 60_000;

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

export async function units(options: BenchOptions): Promise<Table> {
  const before = loadNow();
  const cluster = await BenchCluster.start({ slots: SLOTS });
  try {
    await applyBench(cluster);
    const place = await cluster.settled(WORKFLOW);
    await fan(cluster, UNITS);
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const folder = round === 0 ? options.profiles : undefined;
      const run = () => fan(cluster, UNITS);
      rounds.push(await profiled(run, { place, folder, name: "units" }));
    }
    const single = await singles(cluster);
    const alone = await planeAlone();
    return {
      name: "units",
      caption:
        `no-op mapper and reducer in JavaScript, requests of ${UNITS} units, three nodes with ` +
        `${SLOTS} slots each, median of ${ROUNDS}. Durability: sync, on a majority.`,
      baseline: "one data plane alone",
      figures: [
        { ...alone, ratio: 1 },
        {
          name: "units",
          value: median(rounds.map(({ perSecond }) => perSecond)),
          unit: "units/s",
          ratio: median(rounds.map(({ perSecond }) => perSecond)) / alone.value,
          cpuMicros: median(rounds.map(({ cpuMicros }) => cpuMicros)),
          floor: { bound: UNITS_FLOOR, how: "least" },
          note: `rounds ${rounds.map(({ perSecond }) => Math.round(perSecond)).join(" ")}`,
        },
        single,
      ],
      load: [before, loadNow()],
    };
  } finally {
    await cluster.close();
  }
}

async function fan(cluster: BenchCluster, count: number): Promise<Round> {
  const pids = cluster.nodes.map(({ pid }) => pid);
  const cpuMs = cpuMsOf(pids);
  const fromMs = performance.now();
  const client = cluster.client();
  const { request } = await client.submit({
    workflow: WORKFLOW,
    job: "fan",
    arguments: [["units", count]],
    idempotencyKey: undefined,
  });
  let view: RequestView;
  do view = await client.request(request, { waitMs: WAIT_MS, withResult: true });
  while (view.state === "queued" || view.state === "running");
  const elapsedMs = performance.now() - fromMs;
  const result = JSON.stringify(view.result?.pairs);
  if (result !== JSON.stringify([["count", count]])) {
    throw new Error(`the request ended ${view.state}: ${JSON.stringify(view.error)} ${result}`);
  }
  return {
    perSecond: (1000 * count) / elapsedMs,
    cpuMicros: (1000 * (cpuMsOf(pids) - cpuMs)) / count,
  };
}

/** Requests of one unit, one after the other, each one call that waits for the result. */
async function singles(cluster: BenchCluster): Promise<Figure> {
  const pids = cluster.nodes.map(({ pid }) => pid);
  const url = `${cluster.nodes[0]?.api}/v1/workflows/${WORKFLOW}/jobs/one/requests?wait=${WAIT_MS}&result=true`;
  const times: number[] = [];
  let cpuMs = 0;
  for (let call = -SINGLES / 10; call < SINGLES; call++) {
    if (call === 0) cpuMs = cpuMsOf(pids);
    const fromMs = performance.now();
    const answer = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${cluster.token}`, "content-type": "application/json" },
      body: JSON.stringify({ arguments: [["unit", 1]] }),
    });
    const text = await answer.text();
    if (!text.includes('"succeeded"')) throw new Error(text);
    if (call >= 0) times.push(performance.now() - fromMs);
  }
  return {
    name: "submit to result",
    value: percentile(times, 0.5),
    unit: "ms",
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    cpuMicros: (1000 * (cpuMsOf(pids) - cpuMs)) / SINGLES,
    note: `${SINGLES} requests of one unit over HTTP, one at a time`,
  };
}

/** The same unit without cluster, log and disk: what the workers could do. */
async function planeAlone(): Promise<Figure> {
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-plane-"));
  const plane = await BenchPlane.start(folder, SLOTS);
  try {
    const mapper = await plane.handler(await handlerFile("pass.js"));
    const reducer = await plane.handler(await handlerFile("count.js"));
    const input = await plane.store([["unit", 1]]);
    const beforeMs = { cpu: 0 };
    const loop = await closedLoop(
      async () => {
        beforeMs.cpu ||= cpuMsOf([process.pid]);
        await plane.map({ mapper, reducer }, input);
      },
      { callers: 2 * SLOTS, warmMs: 1_000, measureMs: 3_000 },
    );
    return {
      name: "one data plane alone",
      value: (1000 * loop.operations) / loop.elapsedMs,
      unit: "units/s",
      p50Ms: loop.p50Ms,
      p99Ms: loop.p99Ms,
    };
  } finally {
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  }
}
