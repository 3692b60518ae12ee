/** What a seed draws before its simulation begins: how many nodes, which faults, what load. */
import type { ClusterNodeOptions } from "../../src/actors/node-deps.ts";
import { Chance } from "./chance.ts";
import { RARE_CAPABILITY } from "./handlers.ts";

/** Longer and more than any seed: what is acknowledged is looked for at the end. */
const KEPT = { ageMs: 1e12, bytes: 1e15 } as const;

/** Classes of faults. */
export const FAULTS = [
  "loss",
  "duplication",
  "reordering",
  "delay",
  "partition",
  "pause",
  "crash",
  "zombie",
  "clock",
  "slow-disk",
  "wipe",
] as const;

export type Fault = (typeof FAULTS)[number];

/** Classes of faults of disks that do not only wait; each seed has some of them, or none. */
export const STORAGE_FAULTS = ["hung-disk", "disk-full", "read-error", "bit-rot"] as const;

export type StorageFault = (typeof STORAGE_FAULTS)[number];

/** Chance that a seed has a class of them. */
const STORAGE_FAULT_RATIO = 0.25;

/** Chance that a seed has more of them, and of lost stores, than can be survived. */
const BEYOND_RATIO = 0.05;

/** Seeds of many nodes take longest and are none the likelier to find something. */
const NODE_COUNTS = [3, 3, 3, 4, 4, 4, 5, 5, 6, 7] as const;

export interface Plan {
  readonly seed: number;
  readonly nodeCount: number;
  readonly faults: ReadonlySet<Fault>;
  readonly storageFaults: ReadonlySet<StorageFault>;
  /** Whether more is lost than can be survived: then only that nothing wrong is said or done is demanded. */
  readonly beyond: boolean;
  /** Their units compete for the same slots. */
  readonly workflowCount: number;
  /** Of each workflow, in the order in which they are made. */
  readonly weights: readonly number[];
  /** Whether each change of definitions changes the weight too. */
  readonly reweighs: boolean;
  readonly requestCount: number;
  /** Chance that a piece becomes a run. */
  readonly runRatio: number;
  readonly zombieRatio: number;
  /** When faults begin and end. */
  readonly faultsFromMs: number;
  readonly faultsToMs: number;
  readonly submitToMs: number;
  /** How long workflows keep ended requests; undefined for ever. */
  readonly retentionMs: number | undefined;
  /** Who reads and replaces definitions, of the first workflow. */
  readonly noteUsers: number;
  /** Whether an operator drains nodes now and then. */
  readonly drains: boolean;
  /** Whether nodes are removed for ever, and others join in their place. */
  readonly turnover: boolean;
  /** Whether nodes get another program, and the cluster another version. */
  readonly upgrades: boolean;
  readonly partitions: readonly number[];
  readonly electionTicks: number;
  readonly tailEntries: number;
  readonly chunkBytes: number;
}

export function drawPlan(seed: number): Plan {
  const chance = Chance.of(seed, "plan");
  const weights = Chance.of(seed, "weights");
  const faults = new Set(chance.sample(FAULTS, chance.whole(2, 6)));
  return {
    seed,
    nodeCount: chance.pick(NODE_COUNTS),
    faults,
    storageFaults: new Set(
      STORAGE_FAULTS.filter((fault) => Chance.of(seed, fault).hits(STORAGE_FAULT_RATIO)),
    ),
    beyond: Chance.of(seed, "beyond").hits(BEYOND_RATIO),
    workflowCount: Chance.of(seed, "workflows").pick([1, 2, 3]),
    weights: [1, 2, 3].map(() => weights.pick([1, 1, 2, 4, 8])),
    reweighs: weights.hits(0.3),
    requestCount: chance.whole(20, 26),
    runRatio: chance.pick([0, 0, 0.2, 0.6]),
    zombieRatio: faults.has("zombie") ? 0.05 : 0,
    faultsFromMs: chance.pick([0, 3_000, 6_000]),
    faultsToMs: 60_000,
    submitToMs: 50_000,
    retentionMs: Chance.of(seed, "retention").hits(0.3) ? 15_000 : undefined,
    noteUsers: Chance.of(seed, "notes").pick([2, 3]),
    drains: Chance.of(seed, "drains").hits(0.3),
    turnover: Chance.of(seed, "turnover").hits(0.3),
    upgrades: Chance.of(seed, "upgrade").hits(0.3),
    partitions: [chance.whole(1, 3), chance.whole(1, 2), 1],
    electionTicks: chance.pick([5, 10]),
    tailEntries: chance.pick([5, 20, 100]),
    chunkBytes: chance.pick([500, 5_000]),
  };
}

/** What a trace says of its faults. */
export function faultsText({ faults, storageFaults, beyond }: Plan): string {
  return [...faults, ...storageFaults, ...(beyond ? ["beyond"] : [])].join();
}

/** A node's options; lease and beats as in the program, in proportion to the faults' lengths. */
export function nodeOptions(plan: Plan, index: number): ClusterNodeOptions {
  const chance = Chance.of(plan.seed, `options ${index}`);
  const leaseMs = 4_000;
  // With more than the program's, so that grants are blocks although the units are not short.
  const prefetchMs = Chance.of(plan.seed, "prefetch").pick([50, 400, 2_000]);
  // One node at least can do everything; it may be removed, and then whoever comes later can.
  const rare = index === 0 || index >= plan.nodeCount || chance.hits(0.5);
  return {
    // Longer ticks than the program's, in proportion: most events of a quiet minute are ticks.
    tickMs: 200,
    electionTicks: plan.electionTicks,
    heartbeatTicks: 2,
    leaderGoneTicks: 3,
    // Short, so that groups go quiet and wake many times in a run.
    quietTicks: 5,
    // Small, so that who is away for a few seconds needs a snapshot.
    checkMs: 4_000,
    replaceAfterMs: 15_000,
    tail: { tailEntries: plan.tailEntries, tailBytes: 64 * 1024 },
    snapshotChunkBytes: plan.chunkBytes,
    scheduling: { leaseMs: leaseMs + 1_000, arrivalMs: 1_500, grantsMax: 64, retention: KEPT },
    executor: {
      slots: chance.whole(1, 4),
      capabilities: rare ? [RARE_CAPABILITY] : [],
      beatMs: 500,
      idleBeatMs: 1_500,
      leaseMs,
      prefetchMs,
    },
    // A grace longer than a call lasts, and rounds all the time.
    collection: { graceMs: 8_000, everyMs: 3_000, pauseMs: 5 },
  };
}
