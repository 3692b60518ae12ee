/** A million named units (R19) in one workflow: added, their time come, granted in their order, run out of time, ended. */
import { BenchCluster } from "./lib/cluster.ts";
import { cpuMsOf } from "./lib/cpu.ts";
import { applyBench, WORKFLOW } from "./lib/definition.ts";
import type { Memory } from "./lib/memory.ts";
import type { NamedResult } from "./lib/named-loop.ts";
import type { BenchOptions } from "./lib/options.ts";
import { profiled } from "./lib/profile.ts";
import type { NamedStep } from "./lib/protocol.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";

const UNITS = 1_000_000;
/** A baseline for what many rows cost: as many as fit into the caches. */
const FEW_UNITS = 20_000;

/** Bounds: memory of the scheduler's process, and time until a node that was killed serves again. */
const RESIDENT_MAX_MIB = 1_000;
const RESTART_MS_MAX = 10_000;

const MIB = 1024 * 1024;

export async function named({ rows = UNITS, nodes = 3, profiles }: BenchOptions): Promise<Table> {
  const before = loadNow();
  const few = await run(FEW_UNITS, { nodes, profiles: undefined });
  const many = await run(rows, { nodes, profiles });
  const perSecond = ({ units, elapsedMs }: NamedResult): number => (1000 * units) / elapsedMs;
  const rate = (step: "added" | "ripened" | "drained"): readonly Figure[] => [
    {
      name: `${FEW_UNITS} ${step}`,
      value: perSecond(few[step]),
      unit: "units/s",
      ratio: 1,
      cpuMicros: few[step].cpuMicros,
    },
    {
      name: `${rows} ${step}`,
      value: perSecond(many[step]),
      unit: "units/s",
      ratio: perSecond(many[step]) / perSecond(few[step]),
      cpuMicros: many[step].cpuMicros,
      ...NOTES[step](many),
    },
  ];
  const resident = residentMax(many);
  return {
    name: "named",
    caption:
      `named units of 100 bytes in ten priorities on ${nodes} processes over libp2p on loopback. ` +
      `Durability: sync, on a majority.`,
    baseline: `${FEW_UNITS} units`,
    figures: [
      ...rate("added"),
      ...rate("ripened"),
      ...rate("drained"),
      {
        name: "memory of the scheduler's process",
        value: resident,
        unit: "MiB",
        ratio: resident / residentMax(few),
        floor: { bound: RESIDENT_MAX_MIB, how: "most" },
        note: `by quarters while they are added ${quarters(many.added, "resident")}, while they drain ${quarters(many.drained, "resident")}`,
      },
      ...PARTS.map((part) => ({
        name: `of it: ${part}`,
        value: Math.max(...many.drained.memory.map((memory) => memory[part])) / MIB,
        unit: "MiB",
        note: `added ${quarters(many.added, part)}, drained ${quarters(many.drained, part)}`,
      })),
      {
        name: "restart of a killed node",
        value: many.restartMs,
        unit: "ms",
        ratio: many.restartMs / few.restartMs,
        floor: { bound: RESTART_MS_MAX, how: "most" },
        note: "from its start until it is ready, the rows all there",
      },
    ],
    load: [before, loadNow()],
  };
}

const NOTES = {
  added: () => ({}),
  ripened: ({ ripened }: Run) => ({ note: `${ripened.units} that waited for their time` }),
  drained: ({ drained }: Run) => ({
    note: `${drained.expired} of them twice: they ran out of time`,
  }),
} as const;

const PARTS = ["anonymous", "files", "heapUsed", "heapTotal", "external", "buffers"] as const;

/** The most resident memory while units are added, while their time comes and while they drain, MiB. */
function residentMax({ added, ripened, drained }: Run): number {
  const seen = [...added.memory, ...ripened.memory, ...drained.memory];
  return Math.max(...seen.map(({ resident }) => resident)) / MIB;
}

function quarters({ memory }: NamedResult, part: keyof Memory): string {
  return memory.map((seen) => Math.round(seen[part] / MIB)).join(" ");
}

interface Step extends NamedResult {
  /** Processor time of all nodes for each unit, microseconds. */
  readonly cpuMicros: number;
}

interface Run {
  readonly added: Step;
  readonly ripened: Step;
  readonly drained: Step;
  readonly restartMs: number;
}

async function run(
  units: number,
  { nodes, profiles }: { readonly nodes: number; readonly profiles: string | undefined },
): Promise<Run> {
  const cluster = await BenchCluster.start({ slots: 0, nodes });
  try {
    await applyBench(cluster);
    const step = async (kind: NamedStep): Promise<Step> => {
      const place = await cluster.settled(WORKFLOW);
      const { group, leader } = place;
      const pids = cluster.nodes.map(({ pid }) => pid);
      const work = async (): Promise<Step> => {
        const cpuMs = cpuMsOf(pids);
        const { result } = await leader.ask({ kind, group, units }, "named");
        return { ...result, cpuMicros: (1000 * (cpuMsOf(pids) - cpuMs)) / result.units };
      };
      return profiled(work, { place, folder: profiles, name: kind });
    };
    const added = await step("named-add");
    const { leader } = await cluster.settled(WORKFLOW);
    await leader.kill().gone;
    const startMs = performance.now();
    await leader.start(undefined);
    await leader.ready();
    const restartMs = performance.now() - startMs;
    const ripened = await step("named-ripen");
    const drained = await step("named-drain");
    return { added, ripened, drained, restartMs };
  } finally {
    await cluster.close();
  }
}
