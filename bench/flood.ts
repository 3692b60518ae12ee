/** A quiet workflow beside one that is flooded: what it feels of that, what refuses the flood, and memory. */
import { BenchCluster, type BenchNode } from "./lib/cluster.ts";
import { handlerFile } from "./lib/definition.ts";
import type { BenchOptions } from "./lib/options.ts";
import { type Produced, Producer } from "./lib/producer.ts";
import { profiled } from "./lib/profile.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";
import { ResidentWatch } from "./lib/resident.ts";
import { type Steady, steadily } from "./lib/steady.ts";

const SECONDS = 60;
const SLOTS = 2;
/** Submissions of the quiet workflow: far below what it could do, often enough for a 99th percentile. */
const QUIET_PER_SECOND = 20;
/** Clients of the flood. */
const CLIENTS = 64;
/** A unit of the flood keeps its slot for so long and uses no processor. */
const NAP_MS = 100;
/** Until connections, workers and compiled code are as they stay. */
const WARM_SECONDS = 5;
const WAIT_MS = 60_000;

/** The verdict: at most so many times the 99th percentile alone, or so much more, whichever is larger. */
const RATIO_MAX = 2;
const MORE_MS_MAX = 25;
/** Memory is flat: what a node has most of in the last quarter, over the same of the second one. */
const GROWTH_MAX = 1.25;

const MIB = 1024 * 1024;

export async function flood(options: BenchOptions): Promise<Table> {
  const seconds = options.seconds ?? SECONDS;
  const before = loadNow();
  const cluster = await BenchCluster.start({ slots: SLOTS });
  let producer: Producer | undefined;
  try {
    await applyBoth(cluster);
    const place = await cluster.settled("flooded");
    const quietFor = (time: number): Promise<Steady> =>
      steadily((number) => quiet(cluster, number), { perSecond: QUIET_PER_SECOND, seconds: time });
    const warm = (): Promise<Steady> => quietFor(WARM_SECONDS);
    const measure = (): Promise<Steady> => quietFor(seconds);
    await warm();
    const alone = await measure();
    producer = Producer.start({
      urls: cluster.nodes.map((node) => urlOf(node, "flooded")),
      token: cluster.token,
      body: JSON.stringify({ arguments: [["nap", NAP_MS]] }),
      clients: CLIENTS,
    });
    // The first units start workers, which is not what this is about.
    await warm();
    const watch = new ResidentWatch(cluster.nodes.map(({ pid }) => pid));
    const beside = await profiled(measure, { place, folder: options.profiles, name: "flood" });
    const resident = watch.stop();
    const produced = await producer.stop();
    return {
      name: "flood",
      caption:
        `${QUIET_PER_SECOND} requests of one unit a second, submission to result, for ${seconds} s; ` +
        `beside them ${CLIENTS} clients that submit to another workflow without a pause, units of ` +
        `${NAP_MS} ms, three nodes with ${SLOTS} slots each. Durability: sync, on a majority.`,
      baseline: "quiet workflow alone",
      figures: [
        quietFigure("quiet workflow alone", alone, alone),
        {
          ...quietFigure("quiet workflow beside the flood", beside, alone),
          floor: {
            bound: Math.max(RATIO_MAX * alone.p99Ms, alone.p99Ms + MORE_MS_MAX),
            how: "most",
          },
        },
        floodFigure(produced, seconds + WARM_SECONDS),
        ...resident.map((quarters, node) => residentFigure(`node-${node + 1}`, quarters)),
      ],
      load: [before, loadNow()],
    };
  } finally {
    producer?.kill();
    await cluster.close();
  }
}

async function applyBoth(cluster: BenchCluster): Promise<void> {
  for (const [workflow, map] of [
    ["quiet", "pass"],
    ["flooded", "nap"],
  ] as const) {
    await cluster.client().apply(
      workflow,
      {
        handlers: await Promise.all([`${map}.js`, "count.js"].map(handlerFile)),
        steps: { leaf: { map, reduce: "count" } },
        jobs: { one: { step: "leaf" } },
      },
      { dryRun: false, force: false },
    );
    await cluster.settled(workflow);
  }
}

function urlOf(node: BenchNode | undefined, workflow: string): string {
  return `${node?.api}/v1/workflows/${workflow}/jobs/one/requests`;
}

/** One request of the quiet workflow to its result, through one node after the other. */
async function quiet(cluster: BenchCluster, number: number): Promise<void> {
  const node = cluster.nodes[number % cluster.nodes.length];
  const answer = await fetch(`${urlOf(node, "quiet")}?wait=${WAIT_MS}&result=true`, {
    method: "POST",
    headers: { authorization: `Bearer ${cluster.token}`, "content-type": "application/json" },
    body: JSON.stringify({ arguments: [["unit", 1]] }),
  });
  const text = await answer.text();
  if (!text.includes('"succeeded"')) throw new Error(`the quiet workflow was told: ${text}`);
}

function quietFigure(name: string, steady: Steady, alone: Steady): Figure {
  const { p50Ms, p99Ms, maxMs, calls } = steady;
  return {
    ...{ name, value: p99Ms, unit: "ms", ratio: p99Ms / alone.p99Ms, p50Ms, p99Ms },
    note: `${calls} requests, the slowest ${maxMs.toFixed(0)} ms`,
  };
}

function floodFigure({ accepted, refused }: Produced, seconds: number): Figure {
  const told = Object.entries(refused).map(([what, count]) => `${count} times ${what}`);
  return {
    name: "submissions of the flood",
    value: accepted / seconds,
    unit: "op/s",
    note: `${accepted} accepted; refused: ${told.length === 0 ? "none" : told.join(", ")}`,
  };
}

function residentFigure(node: string, quarters: readonly number[]): Figure {
  const [, second = 0, , last = 0] = quarters;
  return {
    name: `memory of ${node}, growth`,
    value: last / second,
    unit: "times",
    floor: { bound: GROWTH_MAX, how: "most" },
    note: `MiB by quarters: ${quarters.map((bytes) => Math.round(bytes / MIB)).join(" ")}`,
  };
}
