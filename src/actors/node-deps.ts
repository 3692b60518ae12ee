/** What a node's actors are given by whoever builds them. */

import type { NodeId } from "../scheduler/dataset.ts";
import type { MemberInfo, SystemCommand } from "../scheduler/system/commands.ts";
import type { Shortage } from "../scheduler/tree/shortage.ts";
import type { Clock, Timers, WallClock } from "../std/clock.ts";
import type { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import type { Random } from "../std/random.ts";
import type { CollectionOptions } from "./collection/collector.ts";
import type { CollectionReport } from "./collection/report.ts";
import type { Directory } from "./directory.ts";
import type { ExecutorOptions } from "./executor.ts";
import type { TailOptions } from "./log-keeper.ts";
import type { Machines } from "./machine.ts";
import type {
  LogPort,
  MeshPort,
  PayloadsPort,
  PeerMessage,
  SnapshotTransfer,
  StatesPort,
} from "./ports.ts";
import type { RunnerPort, RunsPort, SecretsPort, VolumesPort } from "./work-ports.ts";
import type { SchedulingOptions } from "./workflow-group.ts";

export interface ClusterNodeOptions {
  readonly tickMs: number;
  /** A follower that hears nothing for so many ticks campaigns (R6: only a silent, open connection). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** After word that the leader's node is gone, a follower campaigns within so many ticks. */
  readonly leaderGoneTicks: number;
  /** R8: a voter that is away for so long is replaced, if there is a spare node. */
  readonly replaceAfterMs: number;
  /** R10: between two checks of a group's state. */
  readonly checkMs: number;
  readonly quietTicks: number;
  readonly tail: TailOptions;
  /** Bytes of rows in a chunk of a snapshot. */
  readonly snapshotChunkBytes: number;
  readonly scheduling: SchedulingOptions;
  readonly executor: ExecutorOptions;
  readonly collection: CollectionOptions;
}

export interface ClusterNodeDeps {
  readonly clock: Clock;
  readonly wall: WallClock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly mesh: MeshPort;
  readonly logs: LogPort;
  readonly states: StatesPort;
  readonly snapshots: SnapshotTransfer;
  readonly payloads: PayloadsPort;
  /** What the program's commands do, and since which cluster version (R10). */
  readonly machines: Machines;
  /** R10: the lowest cluster version in which a message may be sent. Pure. */
  readonly messageVersion: (message: PeerMessage) => number;
  readonly runs: RunsPort;
  readonly runner: RunnerPort;
  /** Without it handlers have no volume. */
  readonly volumes?: VolumesPort | undefined;
  /** Without it handlers that name secrets fail. */
  readonly secrets?: SecretsPort | undefined;
  /** How long the oldest write to this node's disk takes already; 0 while there is none. */
  readonly writeMs: () => number;
  readonly options: ClusterNodeOptions;
  /** What this node says of itself. */
  readonly member: MemberInfo;
  /** Nodes that belonged to the cluster when this one last knew: whom to ask before it knows more. */
  readonly seeds: readonly NodeId[];
  /** Names this run of the process. */
  readonly run: string;
  /** Rises with each run of the process. */
  readonly boot: number;
  /** Makes this node the first of a cluster; undefined for every other, and after the first start. */
  readonly founding: (() => SystemCommand) | undefined;
  /** The directory has changed: who may connect is up to the caller. */
  readonly onDirectory: (directory: Directory) => void;
  /** R10: this program does not support the version of its cluster; the node has stopped by then. Called once. */
  readonly onUnsupported: (error: JobxError) => void;
  /** R26: so many finished units run again, in workflows that are led here; for figures. */
  readonly onRunAgain: (units: number) => void;
  /** What volumes that are led here lack of copies. */
  readonly shortages: () => readonly Shortage[];
  /** Told of each round of the collector, for figures. */
  readonly onCollected: (report: CollectionReport) => void;
  readonly bugs: PlantedBugs;
}
