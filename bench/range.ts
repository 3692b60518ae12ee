/** A million units from one mapper, a range: its scheduler's memory while they run, and its restart in the middle. */
import { BenchCluster, type BenchNode } from "./lib/cluster.ts";
import { applyBench, WORKFLOW } from "./lib/definition.ts";
import { residentOf } from "./lib/memory.ts";
import type { BenchOptions } from "./lib/options.ts";
import { loadNow, type Table } from "./lib/report.ts";

const UNITS = 1_000_000;
/** A baseline for what many cost. */
const FEW_UNITS = 5_000;
const SLOTS = 2;

/** Bounds: memory of the scheduler's process, and time until a node that was killed serves again. */
const RESIDENT_MAX_MIB = 1_000;
const RESTART_MS_MAX = 10_000;

/** The scheduler is killed when this share of the units is done. */
const KILLED_AT = 1 / 2;
const SAMPLE_MS = 200;
const LOOK_MS = 500;
const MIB = 1024 * 1024;

export async function range({ rows = UNITS, nodes = 3 }: BenchOptions): Promise<Table> {
  const before = loadNow();
  const few = await run(FEW_UNITS, nodes);
  const many = await run(rows, nodes);
  const most = ({ quarters }: Run): number => Math.max(...quarters) / MIB;
  return {
    name: "range",
    caption:
      `no-op units that one mapper has made, on ${nodes} nodes with ${SLOTS} slots each; the scheduler ` +
      `is killed in the middle. Durability: sync, on a majority.`,
    baseline: `${FEW_UNITS} units`,
    figures: [
      { name: `${FEW_UNITS} done`, value: few.perSecond, unit: "units/s", ratio: 1 },
      {
        name: `${rows} done`,
        value: many.perSecond,
        unit: "units/s",
        ratio: many.perSecond / few.perSecond,
        note: "the restart included",
      },
      {
        name: "memory of the scheduler's process",
        value: most(many),
        unit: "MiB",
        ratio: most(many) / most(few),
        floor: { bound: RESIDENT_MAX_MIB, how: "most" },
        note: `by quarters: ${many.quarters.map((bytes) => Math.round(bytes / MIB)).join(" ")}`,
      },
      {
        name: "restart of the killed scheduler's node",
        value: many.restartMs,
        unit: "ms",
        ratio: many.restartMs / few.restartMs,
        floor: { bound: RESTART_MS_MAX, how: "most" },
        note: "from its start until it is ready, the units all there",
      },
    ],
    load: [before, loadNow()],
  };
}

interface Run {
  readonly perSecond: number;
  /** The most resident memory of the scheduler's process in each quarter of the units, bytes. */
  readonly quarters: readonly number[];
  readonly restartMs: number;
}

async function run(units: number, nodes: number): Promise<Run> {
  const cluster = await BenchCluster.start({ slots: SLOTS, nodes });
  try {
    await applyBench(cluster);
    let { leader } = await cluster.settled(WORKFLOW);
    const client = cluster.client();
    const fromMs = performance.now();
    const { request } = await client.submit({
      workflow: WORKFLOW,
      job: "fan",
      arguments: [["units", units]],
      idempotencyKey: undefined,
    });
    const quarters = [0, 0, 0, 0];
    let done = 0;
    const timer = setInterval(() => {
      const quarter = Math.min(3, Math.floor((4 * done) / units));
      quarters[quarter] = Math.max(quarters[quarter] ?? 0, residentOf(leader.pid));
    }, SAMPLE_MS);
    let restartMs: number | undefined;
    try {
      for (;;) {
        const view = await client.request(request, { waitMs: LOOK_MS, withResult: true });
        done = view.steps["leaf"]?.done ?? 0;
        if (restartMs === undefined && done >= KILLED_AT * units) {
          restartMs = await restarted(leader);
          leader = (await cluster.settled(WORKFLOW)).leader;
        }
        if (view.state === "queued" || view.state === "running") continue;
        const result = JSON.stringify(view.result?.pairs);
        if (result === JSON.stringify([["count", units]])) break;
        throw new Error(`the request ended ${view.state}: ${JSON.stringify(view.error)} ${result}`);
      }
    } finally {
      clearInterval(timer);
    }
    if (restartMs === undefined) restartMs = await restarted(leader);
    return { perSecond: (1000 * units) / (performance.now() - fromMs), quarters, restartMs };
  } finally {
    await cluster.close();
  }
}

async function restarted(node: BenchNode): Promise<number> {
  await node.kill().gone;
  const startMs = performance.now();
  await node.start(undefined);
  await node.ready();
  return performance.now() - startMs;
}
