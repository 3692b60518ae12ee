/** Replicated commits per second, beside what the disk alone can do. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { levelDisk } from "../src/store/level-disk.ts";
import { openLogStore } from "../src/store/log-open.ts";
import { BenchCluster, type Place } from "./lib/cluster.ts";
import { cpuMsOf } from "./lib/cpu.ts";
import { applyBench, WORKFLOW } from "./lib/definition.ts";
import { closedLoop } from "./lib/loop.ts";
import type { BenchOptions } from "./lib/options.ts";
import { profiled } from "./lib/profile.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";
import { median } from "./lib/statistics.ts";

/** Bytes of an operation. */
const BYTES = 200;
const WARM_MS = 1_000;
const MEASURE_MS = 3_000;
/** Rounds, each of which measures everything once; medians are shown. */
const ROUNDS = 3;

/** What a prototype of bare replication did on a machine of this kind, operations per second. */
const PROTOTYPE = { one: 607, hundred: 49_000 };

interface Sample {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
  readonly perEntry: number;
}

type Measured = Map<string, Sample[]>;

export async function commits(options: BenchOptions): Promise<Table> {
  const before = loadNow();
  const cluster = await BenchCluster.start({ slots: 0 });
  const measured: Measured = new Map();
  const add = (name: string, sample: Sample): void => {
    measured.set(name, [...(measured.get(name) ?? []), sample]);
  };
  try {
    await applyBench(cluster);
    // Compiles what is hot, in leader and followers, which too few operations of one proposer would not.
    await proposals(cluster, await cluster.settled(WORKFLOW), 100);
    for (let round = 0; round < ROUNDS; round++) {
      for (const entries of [1, 100]) {
        add(`LevelDB, ${entries} a batch`, await rawLevel(entries));
        add(`log store, ${entries} a batch`, await logStore(entries));
        add(
          `commits, ${entries} proposers`,
          await profiled(async () => proposals(cluster, await cluster.settled(WORKFLOW), entries), {
            place: await cluster.settled(WORKFLOW),
            folder: round === 0 ? options.profiles : undefined,
            name: `commits-${entries}`,
          }),
        );
      }
    }
  } finally {
    await cluster.close();
  }
  return {
    name: "commits",
    caption:
      `operations of ${BYTES} bytes on three processes over libp2p on loopback, medians of ` +
      `${ROUNDS} rounds of ${MEASURE_MS / 1000} s. Durability: sync, on a majority.`,
    baseline: "LevelDB with as many a batch",
    figures: [1, 100].flatMap((entries) => figuresOf(measured, entries)),
    load: [before, loadNow()],
  };
}

function figuresOf(measured: Measured, entries: number): readonly Figure[] {
  const of = (name: string, pick: (sample: Sample) => number): number =>
    median((measured.get(name) ?? []).map(pick));
  const base = of(`LevelDB, ${entries} a batch`, (sample) => sample.perSecond);
  const floor = (entries === 1 ? PROTOTYPE.one : PROTOTYPE.hundred) / 3;
  return [
    `LevelDB, ${entries} a batch`,
    `log store, ${entries} a batch`,
    `commits, ${entries} proposers`,
  ].map((name) => {
    const value = of(name, (sample) => sample.perSecond);
    const figure = {
      name,
      value,
      unit: "op/s",
      ratio: value / base,
      p50Ms: of(name, (sample) => sample.p50Ms),
      p99Ms: of(name, (sample) => sample.p99Ms),
      cpuMicros: of(name, (sample) => sample.cpuMicros),
    };
    if (!name.startsWith("commits")) return figure;
    const perEntry = of(name, (sample) => sample.perEntry);
    const all = (measured.get(name) ?? []).map(({ perSecond }) => Math.round(perSecond));
    return {
      ...figure,
      floor: { bound: Math.ceil(floor), how: "least" } as const,
      note: `${perEntry.toFixed(1)} op/entry, rounds ${all.join(" ")}`,
    };
  });
}

async function proposals(cluster: BenchCluster, place: Place, proposers: number): Promise<Sample> {
  const pids = cluster.nodes.map(({ pid }) => pid);
  const beforeMs = cpuMsOf(pids);
  const { loop } = await place.leader.ask(
    {
      kind: "propose",
      group: place.group,
      proposers,
      bytes: BYTES,
      warmMs: WARM_MS,
      measureMs: MEASURE_MS,
    },
    "proposed",
  );
  // The processes' time includes the warming, which does as much per second.
  const share = MEASURE_MS / (WARM_MS + MEASURE_MS);
  const cpuMs = (cpuMsOf(pids) - beforeMs) * share;
  return {
    perSecond: (1000 * loop.operations) / loop.elapsedMs,
    p50Ms: loop.p50Ms,
    p99Ms: loop.p99Ms,
    cpuMicros: (1000 * cpuMs) / loop.operations,
    perEntry: loop.operations / Math.max(1, loop.entries),
  };
}

/** One writer, one synced batch after the other. */
async function batches(entries: number, write: () => Promise<void>): Promise<Sample> {
  const loop = await closedLoop(write, { callers: 1, warmMs: 300, measureMs: MEASURE_MS / 2 });
  const operations = loop.operations * entries;
  return {
    perSecond: (1000 * operations) / loop.elapsedMs,
    p50Ms: loop.p50Ms,
    p99Ms: loop.p99Ms,
    cpuMicros: (1000 * loop.cpuMs) / operations,
    perEntry: 1,
  };
}

async function rawLevel(entries: number): Promise<Sample> {
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-level-"));
  const level = new ClassicLevel<string, Uint8Array>(folder, {
    valueEncoding: "view",
    compression: false,
  });
  await level.open();
  const value = new Uint8Array(BYTES).fill(7);
  let next = 0;
  try {
    return await batches(entries, () =>
      level.batch(
        Array.from({ length: entries }, () => {
          next += 1;
          return { type: "put" as const, key: String(next).padStart(12, "0"), value };
        }),
        { sync: true },
      ),
    );
  } finally {
    await level.close();
    await rm(folder, { recursive: true });
  }
}

async function logStore(entries: number): Promise<Sample> {
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-log-"));
  const { store } = await openLogStore({
    disk: levelDisk(folder),
    storeId: "0".repeat(32),
    create: true,
    tailBytesMax: 1,
  });
  const voters = { voters: [1], votersOutgoing: [], learners: [], learnersNext: [] };
  await store.createReplica({
    group: "1",
    replica: 1,
    configuration: {
      index: 0,
      configuration: { ...voters, autoLeave: false },
      note: new Uint8Array(),
    },
    start: { index: 0, term: 0 },
  });
  const data = new Uint8Array(BYTES).fill(7);
  let last = 0;
  try {
    return await batches(entries, () => {
      const added = Array.from({ length: entries }, (_, at) => {
        return { kind: "normal", index: last + 1 + at, term: 1, data } as const;
      });
      last += entries;
      return store.append([{ group: "1", replica: 1, entries: added }]);
    });
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}
