/** One running node: its parts made in order, and stopped in the reverse one. */
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { buildApi, listenApi } from "../api/server.ts";
import { loadOrCreateKey, peerIdOf } from "../mesh/keys.ts";
import { DEFAULT_LIMITS } from "../mesh/limits.ts";
import { Mesh } from "../mesh/mesh.ts";
import type { MemberInfo } from "../scheduler/system/commands.ts";
import { SUPPORTED_VERSIONS, type VersionRange } from "../scheduler/system/version-range.ts";
import { errorText, type JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { NO_BUGS } from "../std/planted-bugs.ts";
import { isUnused } from "../store/identity.ts";
import { levelDisk } from "../store/level-disk.ts";
import { type WatchedDisk, watchedDisk } from "../store/watched-disk.ts";
import { Announcer } from "./announcer.ts";
import { AttemptVolumes } from "./attempt-volumes.ts";
import { type BlockMeter, blockHandler, fetchBlock } from "./block-transfer.ts";
import { nextBoot } from "./boot-count.ts";
import { bulkRouter } from "./bulk-router.ts";
import type { ClusterApi } from "./cluster-api.ts";
import { writeApiFile } from "./cluster-file.ts";
import type { ClusterFile } from "./cluster-file-text.ts";
import { type Composed, composeNode } from "./compose.ts";
import type { NodeConfig } from "./config/config.ts";
import { NodeContainers } from "./containers.ts";
import { type DataLock, lockDirectory } from "./data-lock.ts";
import { DataPlane } from "./data-plane/data-plane.ts";
import type { DiskRoom } from "./disk-room.ts";
import type { Healer } from "./files/healer.ts";
import { Shortages } from "./files/shortages.ts";
import { firstStart, foundingOf } from "./first-start.ts";
import { FrameMesh } from "./frame-mesh.ts";
import { boundHeapGrowth } from "./heap.ts";
import { Hints } from "./hints.ts";
import { admission, checkSpareTicket } from "./joining.ts";
import { checkKnownVersion, knownCluster } from "./known-cluster.ts";
import { mountAll } from "./machine-mounts.ts";
import { MemberGate } from "./member-gate.ts";
import { MemberList } from "./member-list.ts";
import { MemberSaver } from "./member-saver.ts";
import { meteredRunner } from "./metered.ts";
import { Metrics, type ReplicaFigures } from "./metrics.ts";
import type { Mounts } from "./mounts.ts";
import { clusterApi, diskRoom, startGiver, startHealer } from "./node-api.ts";
import { nodeOptions } from "./options.ts";
import { OverloadWatch } from "./overload-watch.ts";
import { ownToken } from "./own-token.ts";
import { KEY_FILE_NAME, makeDataDirectory, preflight } from "./preflight.ts";
import type { KeyGiver } from "./seal/key-giver.ts";
import { BulkSnapshots } from "./snapshot-transfer.ts";
import { systemClock, systemLoad, systemRandom, systemTimers, systemWall } from "./system.ts";
import { Health } from "./trouble.ts";

interface Parts {
  readonly mesh: Mesh;
  readonly plane: DataPlane;
  readonly composed: Composed;
  readonly app: FastifyInstance;
  readonly announcer: Announcer;
  readonly members: MemberList;
  readonly hints: Hints;
  readonly health: Health;
  readonly healer: Healer;
  readonly giver: KeyGiver;
  readonly room: DiskRoom;
  readonly overload: OverloadWatch;
  readonly lock: DataLock;
  readonly apiUrl: string;
  readonly here: Here;
  /** Undefined without `--mount`, and where nothing can be mounted. */
  readonly mounts: Mounts | undefined;
  readonly containers: NodeContainers;
}

/** A node that runs. */
export class RunningNode {
  readonly #config: NodeConfig;
  readonly #log: Log;
  readonly #parts: Parts;
  readonly apiUrl: string;
  readonly id: string;

  /** Use `startNode`. */
  constructor(config: NodeConfig, log: Log, parts: Parts) {
    this.#config = config;
    this.#log = log;
    this.#parts = parts;
    this.apiUrl = parts.apiUrl;
    this.id = parts.mesh.self;
  }

  /** Whether the cluster has removed this node, as far as it knows itself. */
  get isRemoved(): boolean {
    const { composed, mesh } = this.#parts;
    return composed.node.directory.member(mesh.self)?.state === "removed";
  }

  /** Resolves when the cluster has removed this node: then it is to be stopped, for ever. */
  whenRemoved(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.here.onRemoved = resolve;
      if (this.isRemoved) resolve();
    });
  }

  /** Resolves when the cluster has a version that this program does not support: it is to be stopped. */
  whenUnsupported(): Promise<JobxError> {
    const { here } = this.#parts;
    return new Promise((resolve) => {
      here.onUnsupported = resolve;
      if (here.unsupported !== undefined) resolve(here.unsupported);
    });
  }

  /** The actors, for benches that measure below the API. */
  get cluster(): Composed["node"] {
    return this.#parts.composed.node;
  }

  /** Hands over leadership, lets running units finish, and stops. `now` skips the waiting. */
  async stop(now: AbortSignal): Promise<void> {
    const { mesh, plane, composed, app, announcer, members, here, lock } = this.#parts;
    const { hints, health, overload, mounts, containers } = this.#parts;
    here.stopping = true;
    this.#parts.healer.stop();
    this.#parts.giver.stop();
    this.#parts.room.stop();
    this.#log.info("stopping", { drainMs: this.#config.drainMs });
    announcer.stop();
    members.stop();
    hints.stop();
    await composed.node.leave({ drainMs: this.#config.drainMs, hurry: now });
    // Only now: units that were drained may have worked there.
    await mounts?.stop();
    await app.close();
    health.stop();
    overload.stop();
    composed.node.stop();
    await plane.close(false);
    await containers.stop();
    await mesh.close();
    await composed.store.close();
    await lock.close();
    this.#log.info("stopped");
  }
}

/** What the node says of itself before it knows its store and its API's port. */
type Introduction = Omit<MemberInfo, "node" | "storeId">;

/** What a node stands on before it belongs to a cluster. */
interface Ground {
  readonly config: NodeConfig;
  readonly log: Log;
  readonly lock: DataLock;
  readonly frames: FrameMesh;
  readonly mesh: Mesh;
  readonly snapshots: BulkSnapshots;
  readonly introduction: Introduction;
  readonly file: ClusterFile;
  /** Filled in as soon as the node is composed; newcomers wait for it. */
  readonly here: Here;
  readonly metrics: Metrics;
  readonly disk: WatchedDisk;
  readonly volumes: AttemptVolumes;
  readonly shortages: Shortages;
  readonly privateKey: Uint8Array;
  readonly room: DiskRoom;
  readonly containers: NodeContainers;
}

/** What is known only later. */
interface Here {
  composed: Composed | undefined;
  stopping: boolean;
  /** The cluster has removed this node. */
  onRemoved: () => void;
  /** Why this program cannot take part (R10). */
  unsupported: JobxError | undefined;
  onUnsupported: (error: JobxError) => void;
}

export interface StartOptions {
  readonly version: string;
  /** What is said to be supported instead of `SUPPORTED_VERSIONS`: for tests of upgrades. */
  readonly versions?: VersionRange;
  readonly log: Log;
  /** Ends the wait for the cluster that is to be joined; whatever else a start does is done to its end. */
  readonly stop?: AbortSignal;
}

/**
 * Starts a node.
 * @throws {JobxError} with the code of what could not be done; the reason of `stop`.
 */
export async function startNode(config: NodeConfig, about: StartOptions): Promise<RunningNode> {
  const { log } = about;
  const ground = await prepare(config, about);
  const { mesh, lock, here, metrics, disk } = ground;
  const blockMeter: BlockMeter = (...one) => metrics.block(...one);
  const plane = await startPlane(ground, blockMeter);
  const { snapshots } = ground;
  snapshots.connect(mesh);
  const composed = await compose(ground, plane);
  const { node } = composed;
  const members = memberList(ground, node);
  mesh.handleBulk(
    bulkRouter({
      block: blockHandler(plane, blockMeter),
      snapshot: snapshots.handler,
      members: members.handler,
    }),
  );
  members.start();
  await node.start();
  if (here.unsupported !== undefined) throw here.unsupported;
  const hints = new Hints(node, mesh.gossip, config.slots);
  const health = new Health({
    clock: systemClock,
    timers: systemTimers,
    composed,
    isUp: (id) => id === mesh.self || mesh.isUp(id),
    writeMs: () => disk.writeMs("log"),
    isStopping: () => here.stopping,
  });
  health.start();
  watchFigures(ground, { node, plane, hints, health });
  const token = await tokenOf(ground);
  const api = clusterApi(ground, { composed, plane, health, token, version: about.version });
  const healer = startHealer(ground, api);
  const giver = startGiver(ground, composed);
  ground.room.start();
  const overload = overloadWatch(ground, node);
  const app = await buildNodeApi(ground, api, overload);
  const apiUrl = await listen(app, ground);
  ground.volumes.listens({ ...api.volumeGround(), url: apiUrl });
  const member = ground.containers.memberOf({ ...composed.member, api: apiUrl });
  const onUnsupported = (error: JobxError): void => cannotTakePart(here, error);
  const announcer = new Announcer({ node, member, timers: systemTimers, log, onUnsupported });
  announcer.start();
  ground.containers.start();
  if (config.durability === "none") {
    log.warn("durability is none: a power cut loses what this node has acknowledged");
  }
  log.info("started", { node: mesh.self, api: apiUrl, data: config.data });
  const mounts = await mountAll({ directory: config.mount, apiUrl, token, node, log });
  ground.volumes.mounted(mounts);
  const parts = {
    mounts,
    ...{ mesh, plane, composed, app, announcer, members, hints },
    ...{ health, healer, giver, room: ground.room, overload, lock, apiUrl, here },
    containers: ground.containers,
  };
  return new RunningNode(config, log, parts);
}

/** The token in the data directory. One that cannot be written is a convenience less. */
async function tokenOf({ config, file, log }: Ground): Promise<string | undefined> {
  try {
    return await ownToken(config.data, { joined: !file.founder });
  } catch (error) {
    log.warn("could not make this node's own token", { reason: errorText(error) });
    return undefined;
  }
}

/** Opens the API's port, and tells the command line of this machine which. Returns its URL. */
async function listen(app: FastifyInstance, { config, log }: Ground): Promise<string> {
  const { url } = await listenApi(app, config.api);
  // A convenience: a node whose disk is full serves those who know its address.
  await writeApiFile(config.data, url).catch((error: unknown) => {
    log.warn("could not write where the API listens", { reason: errorText(error) });
  });
  return url;
}

function startPlane(ground: Ground, blockMeter: BlockMeter): Promise<DataPlane> {
  const { config, mesh, log } = ground;
  return DataPlane.start({
    directory: config.data,
    self: mesh.self,
    slots: Math.max(1, config.slots),
    ...{ handlerMemoryBytes: config.handlerMemoryBytes, machine: config.machine },
    ...{ containers: ground.containers.settings, objects: config.objects },
    sync: config.durability === "sync",
    log: log.child({ part: "data" }),
    fetchBlock: fetchBlock(mesh, blockMeter),
  });
}

/** What the node's figures are read from. */
function watchFigures(
  ground: Ground,
  parts: {
    readonly node: Composed["node"];
    readonly plane: DataPlane;
    readonly hints: Hints;
    readonly health: Health;
  },
): void {
  const { metrics, mesh, config } = ground;
  const { node, plane, hints, health } = parts;
  metrics.watch({
    replicas: () => replicaFigures(node),
    snapshotsInstalled: () => node.snapshotsInstalled,
    replicasDamaged: () => node.damagedReplicas.size,
    quiet: () => node.host.quiet,
    peersUp: () => mesh.peersUp().length,
    strangers: () => mesh.strangers(),
    executor: () => ({ slots: config.slots, held: node.executor.busyCount }),
    workers: async () => (await plane.counts()).workers,
    objectBytes: async () => (await plane.counts()).objectBytes,
    busy: () => new Map([...hints.latest()].map(([id, { busy }]) => [id, busy])),
    clusterVersion: () => node.directory.cluster?.version,
    ready: () => health.troubles().length === 0,
  });
}

function overloadWatch({ log }: Ground, node: Composed["node"]): OverloadWatch {
  return new OverloadWatch({
    clock: systemClock,
    timers: systemTimers,
    load: systemLoad,
    applied: () =>
      node.directory.workflows().flatMap(({ name, group }) => {
        const replica = node.host.replica(group);
        return replica === undefined ? [] : [{ workflow: name, index: replica.appliedIndex }];
      }),
    log: log.child({ part: "api" }),
  });
}

function buildNodeApi(
  ground: Ground,
  cluster: ClusterApi,
  gate: OverloadWatch,
): Promise<FastifyInstance> {
  const { config, log } = ground;
  const rules = { listenHost: config.api.host, hostNames: config.apiNames };
  const { legacyWorkflows } = config;
  return buildApi({ cluster, log: log.child({ part: "api" }), rules, legacyWorkflows, gate });
}

/** Locks the data directory, opens the mesh, and sees to it that the node belongs to a cluster. */
async function prepare(config: NodeConfig, about: StartOptions): Promise<Ground> {
  const { log } = about;
  boundHeapGrowth();
  const ticket = await preflight(config);
  const { isOpen } = await makeDataDirectory(config.data);
  if (isOpen) log.warn("others may look into the data directory", { data: config.data });
  const lock = await lockDirectory(config.data);
  const metrics = new Metrics();
  const disk = watchedDisk(
    levelDisk(config.data, { sync: config.durability === "sync" }),
    systemClock,
    (batch) => metrics.written(batch),
  );
  const key = await loadOrCreateKey(join(config.data, KEY_FILE_NAME));
  const frames = new FrameMesh(peerIdOf(key), {
    meter: (direction, kind, bytes) => metrics.frame(direction, kind, bytes),
  });
  const here: Here = {
    ...{ composed: undefined, stopping: false, onRemoved: () => {} },
    ...{ unsupported: undefined, onUnsupported: () => {} },
  };
  const known = await knownCluster(config.data, { disk, log });
  const versions = about.versions ?? SUPPORTED_VERSIONS;
  if (known !== undefined) checkKnownVersion(known, versions);
  if (known !== undefined && config.joinTicket !== undefined) {
    await checkSpareTicket(config.joinTicket, known.clusterId, log);
  }
  const mesh = await Mesh.start({
    privateKey: key,
    ...{ listen: config.listen, advertise: config.advertise },
    handlers: frames,
    admission: admission(() => here.composed, systemWall),
    members: known?.members ?? [],
    limits: DEFAULT_LIMITS,
    ...{ clock: systemClock, timers: systemTimers, random: systemRandom },
    log: log.child({ part: "mesh" }),
  });
  frames.connect(mesh);
  const introduction: Introduction = {
    name: config.name,
    addresses: mesh.addresses(),
    api: `http://${config.api.host}:${config.api.port}`,
    ...{ slots: config.slots, capabilities: config.capabilities },
    version: about.version,
    durability: config.durability,
    versions,
  };
  const member = { ...introduction, node: mesh.self, storeId: "" };
  const { stop } = about;
  const file = known ?? (await firstStart(config, { mesh, member, log, ticket, stop }));
  mesh.setMembers(file.members.filter(({ node }) => node !== mesh.self));
  const snapshots = new BulkSnapshots();
  const volumes = new AttemptVolumes((group) => workflowOf(here, group));
  const ground = { config, log, lock, frames, mesh, snapshots, introduction, file };
  const whose = { cluster: file.clusterId, node: mesh.self, timers: systemTimers };
  const containers = new NodeContainers(config, {
    ...whose,
    log: log.child({ part: "containers" }),
  });
  const kept = { shortages: new Shortages(), room: diskRoom(config), privateKey: key, containers };
  return { ...ground, ...kept, here, metrics, disk, volumes };
}

/** The name of a workflow that this node knows. */
function workflowOf({ composed }: Here, group: number): string | undefined {
  return composed?.node.directory.workflows().find((row) => row.group === group)?.name;
}

/** How this node learns whom to connect to while no log says so. */
function memberList(ground: Ground, node: Composed["node"]): MemberList {
  const { mesh, file, log, config } = ground;
  return new MemberList({
    silentTicksMax: 2 * nodeOptions(config).electionTicks,
    streams: mesh,
    timers: systemTimers,
    log,
    node,
    known: () => file.members.flatMap(({ node: id }) => (id === mesh.self ? [] : [id])),
    take: (members) => {
      const gone = node.directory.everybody().filter(({ state }) => state === "removed");
      const others = members.filter(({ node: id }) => id !== mesh.self);
      mesh.setMembers(
        others,
        gone.map(({ node: id }) => id),
      );
    },
  });
}

/** Builds the actors above what was prepared. */
async function compose(ground: Ground, plane: DataPlane): Promise<Composed> {
  const { config, log, frames, mesh, introduction, file, here, metrics, disk } = ground;
  const saver = new MemberSaver(config.data, file, log);
  const gate = new MemberGate(mesh, systemTimers);
  const composed = await composeNode({
    clock: systemClock,
    wall: systemWall,
    timers: systemTimers,
    random: systemRandom,
    log,
    disk,
    mesh: frames,
    snapshots: ground.snapshots,
    runs: plane,
    runner: meteredRunner(plane, metrics),
    ...{ volumes: ground.volumes, secrets: ground.volumes.secrets },
    options: ground.containers.optionsOf(nodeOptions(config)),
    clusterId: file.clusterId,
    member: introduction,
    seeds: file.members.map(({ node }) => node),
    run: mesh.bootId,
    boot: await nextBoot(config.data, await isUnused(disk)),
    founding: await foundingOf(config.data, file),
    onDirectory: (directory) => {
      const members = directory.members();
      if (members.length === 0) return;
      gate.follow(directory.everybody());
      saver.save(
        members.map(({ node, addresses }) => ({ node, addresses })),
        directory.cluster?.version,
      );
      if (directory.member(mesh.self)?.state === "removed") here.onRemoved();
    },
    onUnsupported: (error) => cannotTakePart(here, error),
    onCollected: (report) => metrics.collected(report),
    onRunAgain: (units) => metrics.ranAgain(units),
    shortages: () => ground.shortages.list(),
    bugs: NO_BUGS,
  });
  here.composed = composed;
  return composed;
}

function cannotTakePart(here: Here, error: JobxError): void {
  here.unsupported ??= error;
  here.onUnsupported(error);
}

function replicaFigures(node: Composed["node"]): readonly ReplicaFigures[] {
  return [...node.host.replicas()].map(({ group, core, appliedIndex }) => {
    const status = core.status();
    return {
      group,
      leads: status.role === "leader",
      term: status.term,
      voters: status.configuration.voters.length,
      lastIndex: status.lastIndex,
      commitIndex: status.committed,
      appliedIndex,
      uncommittedBytes: status.uncommittedBytes,
      logStartIndex: status.compactedIndex,
    };
  });
}
