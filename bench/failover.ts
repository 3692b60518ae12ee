/** How long a workflow has no scheduler after the scheduler's process was killed. */
import { setTimeout as sleep } from "node:timers/promises";
import { BenchCluster } from "./lib/cluster.ts";
import { cpuMsOf } from "./lib/cpu.ts";
import { applyBench, WORKFLOW } from "./lib/definition.ts";
import { loadNow, type Table } from "./lib/report.ts";
import { percentile } from "./lib/statistics.ts";

const RUNS = 20;
const DEADLINE_MS = 30_000;
/** Lets the cluster come to rest, so that runs do not shape each other. */
const REST_MS = 500;
const FLOOR_MS = 3_000;

export async function failover(): Promise<Table> {
  const before = loadNow();
  const cluster = await BenchCluster.start({ slots: 0 });
  const healthy: number[] = [];
  const times: number[] = [];
  let cpuMs = 0;
  try {
    await applyBench(cluster);
    for (let run = 0; run < RUNS; run++) {
      const { group, leader, followers } = await cluster.settled(WORKFLOW);
      const [asked, other] = run % 2 === 0 ? followers : [...followers].reverse();
      if (asked === undefined || other === undefined) throw new Error("there are two followers");
      const commit = { kind: "commit", group, deadlineMs: DEADLINE_MS } as const;
      await sleep(REST_MS);
      const fromMs = performance.now();
      await asked.ask(commit, "done");
      healthy.push(performance.now() - fromMs);
      const pids = [asked.pid, other.pid];
      const usedMs = cpuMsOf(pids);
      const killedMs = performance.now();
      const { gone } = leader.kill();
      await asked.ask(commit, "done");
      times.push(performance.now() - killedMs);
      cpuMs += cpuMsOf(pids) - usedMs;
      await gone;
      await leader.start(undefined);
    }
  } finally {
    await cluster.close();
  }
  const base = percentile(healthy, 0.5);
  const p99 = percentile(times, 0.99);
  return {
    name: "failover",
    caption:
      `from SIGKILL of the scheduler's process to the next command that a client of another node ` +
      `sees committed, ${RUNS} runs. Durability: sync, on a majority.`,
    baseline: "the same command with the scheduler alive",
    figures: [
      {
        name: "scheduler alive",
        value: base,
        unit: "ms",
        ratio: 1,
        p50Ms: base,
        p99Ms: percentile(healthy, 0.99),
      },
      {
        name: "failover, p99",
        value: p99,
        unit: "ms",
        ratio: percentile(times, 0.5) / base,
        p50Ms: percentile(times, 0.5),
        p99Ms: p99,
        cpuMicros: (1000 * cpuMs) / RUNS,
        floor: { bound: FLOOR_MS, how: "most" },
        note: `max ${Math.max(...times).toFixed(0)}; ratio is of medians`,
      },
    ],
    load: [before, loadNow()],
  };
}
