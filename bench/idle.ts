/** What workflows cost that have nothing to do: messages, bytes, processor time, memory. */
import { setTimeout as sleep } from "node:timers/promises";
import { BenchCluster } from "./lib/cluster.ts";
import { cpuMsOf } from "./lib/cpu.ts";
import { handlerFile } from "./lib/definition.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";

/** Workflows beside none: what the cluster says for itself is measured first and taken away. */
const WORKFLOWS = 40;
/** Longer than a group waits before it goes quiet. */
const REST_MS = 15_000;
const MEASURE_MS = 30_000;
/** R7: a quiet group says nothing; a message a minute is left for those that were just woken. */
const MESSAGES_MAX = 1;

/** Since the start, over all nodes. */
interface Seen {
  readonly frames: ReadonlyMap<string, number>;
  readonly bytes: ReadonlyMap<string, number>;
  readonly memoryBytes: number;
  readonly quietGroups: number;
  readonly cpuMs: number;
}

export async function idle(): Promise<Table> {
  const before = loadNow();
  const cluster = await BenchCluster.start({ slots: 1 });
  try {
    const alone = await rest(cluster);
    await makeWorkflows(cluster);
    const among = await rest(cluster);
    return table({ alone, among, load: [before, loadNow()] });
  } finally {
    await cluster.close();
  }
}

interface Rest {
  readonly framesPerMinute: ReadonlyMap<string, number>;
  readonly bytesPerMinute: ReadonlyMap<string, number>;
  readonly cpuShare: number;
  readonly memoryBytes: number;
  readonly quietGroups: number;
}

async function rest(cluster: BenchCluster): Promise<Rest> {
  await sleep(REST_MS);
  const first = await see(cluster);
  await sleep(MEASURE_MS);
  const last = await see(cluster);
  const perMinute = (now: ReadonlyMap<string, number>, then: ReadonlyMap<string, number>) =>
    new Map(
      [...now].map(([kind, count]) => [
        kind,
        ((count - (then.get(kind) ?? 0)) * 60_000) / MEASURE_MS,
      ]),
    );
  return {
    framesPerMinute: perMinute(last.frames, first.frames),
    bytesPerMinute: perMinute(last.bytes, first.bytes),
    cpuShare: (last.cpuMs - first.cpuMs) / MEASURE_MS / cluster.nodes.length,
    memoryBytes: last.memoryBytes / cluster.nodes.length,
    quietGroups: last.quietGroups,
  };
}

async function see(cluster: BenchCluster): Promise<Seen> {
  const frames = new Map<string, number>();
  const bytes = new Map<string, number>();
  let memoryBytes = 0;
  let quietGroups = 0;
  for (const { api } of cluster.nodes) {
    const headers = { authorization: `Bearer ${cluster.token}` };
    const text = await (await fetch(`${api}/metrics`, { headers })).text();
    add(frames, text, "jobx_mesh_frames_total");
    add(bytes, text, "jobx_mesh_frame_bytes_total");
    memoryBytes += single(text, "jobx_process_resident_memory_bytes");
    quietGroups += single(text, "jobx_raft_quiet_groups");
  }
  const cpuMs = cpuMsOf(cluster.nodes.map(({ pid }) => pid));
  return { frames, bytes, memoryBytes, quietGroups, cpuMs };
}

function add(sums: Map<string, number>, text: string, name: string): void {
  for (const [, kind = "", value] of text.matchAll(
    new RegExp(`^${name}{direction="out",kind="(.*)"} (.*)$`, "gm"),
  ))
    sums.set(kind, (sums.get(kind) ?? 0) + Number(value));
}

function single(text: string, name: string): number {
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? Number.NaN);
}

async function makeWorkflows(cluster: BenchCluster): Promise<void> {
  const handlers = await Promise.all(["pass.js", "count.js"].map(handlerFile));
  const definition = {
    handlers,
    steps: { leaf: { map: "pass", reduce: "count" } },
    jobs: { one: { step: "leaf" } },
  };
  const client = cluster.client();
  for (let number = 1; number <= WORKFLOWS; number++) {
    await client.apply(`idle_${number}`, definition, { dryRun: false, force: false });
  }
  await cluster.settled("idle_1");
}

function table(of: {
  readonly alone: Rest;
  readonly among: Rest;
  readonly load: Table["load"];
}): Table {
  const { alone, among, load } = of;
  const sum = (values: ReadonlyMap<string, number>): number =>
    [...values.values()].reduce((total, value) => total + value, 0);
  const perWorkflow = (pick: (rest: Rest) => number): number =>
    Math.max(0, pick(among) - pick(alone)) / WORKFLOWS;
  const kinds = [...among.framesPerMinute]
    .map(([kind, count]) => {
      const more = (count - (alone.framesPerMinute.get(kind) ?? 0)) / WORKFLOWS;
      return `${kind} ${more.toFixed(2)}`;
    })
    .join(", ");
  const messages = perWorkflow(({ framesPerMinute }) => sum(framesPerMinute));
  const figures: Figure[] = [
    {
      name: "Raft messages of an idle workflow",
      value: perWorkflow(({ framesPerMinute }) => framesPerMinute.get("raft") ?? 0),
      unit: "a minute",
      floor: { bound: MESSAGES_MAX, how: "most" },
    },
    {
      name: "messages of an idle workflow",
      value: messages,
      unit: "a minute",
      note: kinds,
    },
    {
      name: "bytes of an idle workflow",
      value: perWorkflow(({ bytesPerMinute }) => sum(bytesPerMinute)),
      unit: "a minute",
    },
    {
      name: "messages of the cluster itself",
      value: sum(alone.framesPerMinute),
      unit: "a minute",
      ratio: 1,
      note: `${sum(alone.bytesPerMinute).toFixed(0)} bytes`,
    },
    {
      name: "processor time of a node",
      value: 100 * among.cpuShare,
      unit: "% of a core",
      note: `${(100 * alone.cpuShare).toFixed(1)} % without workflows`,
    },
    {
      name: "memory of a node",
      value: among.memoryBytes / 2 ** 20,
      unit: "MiB",
      note: `${(alone.memoryBytes / 2 ** 20).toFixed(0)} MiB without workflows`,
    },
    {
      name: "replicas that are quiet",
      value: among.quietGroups,
      unit: `of ${3 * (WORKFLOWS + 1)}`,
    },
  ];
  return {
    name: "idle",
    caption:
      `${WORKFLOWS} workflows with three replicas each and nothing to do, over ${MEASURE_MS / 1000} s, ` +
      "all three nodes together unless it says so. Durability: nothing is written.",
    baseline: "messages of the cluster itself",
    figures,
    load,
  };
}
