/**
 * Puts one node together above disk, frames, blocks and handlers. The program and the simulator both
 * build their nodes here, so that what is simulated is what runs.
 */

import { ClusterNode } from "../actors/cluster-node.ts";
import type { Directory } from "../actors/directory.ts";
import type { ClusterNodeDeps, ClusterNodeOptions } from "../actors/node-deps.ts";
import type { PayloadsPort, SnapshotTransfer } from "../actors/ports.ts";
import type { RunnerPort, RunsPort, SecretsPort, VolumesPort } from "../actors/work-ports.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { MemberInfo, SystemCommand } from "../scheduler/system/commands.ts";
import type { Clock, Timers, WallClock } from "../std/clock.ts";
import type { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import type { Random } from "../std/random.ts";
import type { WatchedDisk } from "../store/watched-disk.ts";
import { placesFormat } from "../wire/membership.ts";
import { snapshotInfoFormat } from "../wire/snapshot.ts";
import { stateCheckFormat } from "../wire/state-check.ts";
import type { FrameMesh } from "./frame-mesh.ts";
import { NodeStore } from "./node-store.ts";
import { VOCABULARY, type Vocabulary } from "./vocabulary.ts";

/** Formats of what is in the entries of any group. */
const PAYLOADS: PayloadsPort = {
  places: placesFormat,
  checks: stateCheckFormat,
  snapshots: snapshotInfoFormat,
};

export interface ComposeOptions {
  readonly clock: Clock;
  readonly wall: WallClock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly disk: WatchedDisk;
  /** The disk's memtable of `state/`, where that is not LevelDB's usual one. */
  readonly stateMemtableBytes?: number;
  readonly mesh: FrameMesh;
  readonly snapshots: SnapshotTransfer;
  readonly runs: RunsPort;
  readonly runner: RunnerPort;
  /** See `ClusterNodeDeps`. */
  readonly volumes?: VolumesPort | undefined;
  readonly secrets?: SecretsPort | undefined;
  readonly options: ClusterNodeOptions;
  readonly clusterId: string;
  /** What this node says of itself; its store id is added. */
  readonly member: Omit<MemberInfo, "storeId" | "node">;
  readonly seeds: readonly NodeId[];
  readonly run: string;
  readonly boot: number;
  /** Makes the first node of a cluster; the store id is known by then. */
  readonly founding: ((member: MemberInfo) => SystemCommand) | undefined;
  readonly onDirectory: (directory: Directory) => void;
  /** See `ClusterNodeDeps`. */
  readonly onUnsupported: (error: JobxError) => void;
  /** Told of each round of the collector, for figures. */
  readonly onCollected?: ClusterNodeDeps["onCollected"];
  /** Told of units that run again, for figures. */
  readonly onRunAgain?: ClusterNodeDeps["onRunAgain"];
  /** See `ClusterNodeDeps`; without it this node tells of none. */
  readonly shortages?: ClusterNodeDeps["shortages"];
  readonly bugs: PlantedBugs;
  /** This program's own without it. The frames of `mesh` are to be of the same. */
  readonly vocabulary?: Vocabulary;
}

/** A node and what it stands on. */
export interface Composed {
  readonly node: ClusterNode;
  readonly store: NodeStore;
  readonly member: MemberInfo;
}

/** Opens the disk and builds the node; `node.start()` sets it going. @throws {JobxError} `STORE_*`. */
export async function composeNode(options: ComposeOptions): Promise<Composed> {
  const { mesh, founding, random, timers, log, disk, clusterId } = options;
  const { stateMemtableBytes, vocabulary = VOCABULARY } = options;
  const store = await NodeStore.open({
    disk,
    clusterId,
    nodeId: mesh.self,
    random,
    timers,
    log,
    bugs: options.bugs,
    // With fewer than two others nobody could make a majority without this node's data.
    replaceable: options.seeds.filter((node) => node !== mesh.self).length >= 2,
    ...(stateMemtableBytes === undefined ? {} : { stateMemtableBytes }),
  });
  const { storeId } = store.identity;
  const member: MemberInfo = { ...options.member, node: mesh.self, storeId };
  const node = new ClusterNode({
    clock: options.clock,
    wall: options.wall,
    timers,
    random,
    log,
    mesh,
    logs: store,
    states: store,
    snapshots: options.snapshots,
    payloads: PAYLOADS,
    machines: vocabulary.machines,
    messageVersion: vocabulary.messageVersion,
    runs: options.runs,
    runner: options.runner,
    volumes: options.volumes,
    secrets: options.secrets,
    writeMs: () => disk.writeMs(),
    options: options.options,
    member,
    seeds: options.seeds,
    run: options.run,
    boot: options.boot,
    founding: founding === undefined ? undefined : () => founding(member),
    onDirectory: options.onDirectory,
    onUnsupported: options.onUnsupported,
    onCollected: options.onCollected ?? (() => {}),
    onRunAgain: options.onRunAgain ?? (() => {}),
    shortages: options.shortages ?? (() => []),
    bugs: options.bugs,
  });
  return { node, store, member };
}
