/** One running node: its parts made in order, and stopped in the reverse one. */
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { buildApi, listenApi } from "../api/server.ts";
import { loadOrCreateKey, peerIdOf } from "../mesh/keys.ts";
import { DEFAULT_LIMITS } from "../mesh/limits.ts";
import { Mesh } from "../mesh/mesh.ts";
import type { MemberInfo } from "../scheduler/system/commands.ts";
import type { Log } from "../std/log.ts";
import { levelDisk } from "../store/level-disk.ts";
import { Announcer } from "./announcer.ts";
import { blockHandler, fetchBlock } from "./block-transfer.ts";
import { bulkRouter } from "./bulk-router.ts";
import { ClusterApi } from "./cluster-api.ts";
import { type ClusterFile, nextBoot } from "./cluster-file.ts";
import { type Composed, composeNode } from "./compose.ts";
import type { NodeConfig } from "./config.ts";
import { type DataLock, lockDirectory } from "./data-lock.ts";
import { DataPlane } from "./data-plane/data-plane.ts";
import { firstStart, foundingOf } from "./first-start.ts";
import { FrameMesh } from "./frame-mesh.ts";
import { Hints } from "./hints.ts";
import { admission } from "./joining.ts";
import { knownCluster } from "./known-cluster.ts";
import { MemberList } from "./member-list.ts";
import { MemberSaver } from "./member-saver.ts";
import { nodeMetrics } from "./metrics.ts";
import { nodeOptions } from "./options.ts";
import { makeDataDirectory, preflight } from "./preflight.ts";
import { BulkSnapshots } from "./snapshot-transfer.ts";
import { systemClock, systemRandom, systemTimers, systemWall } from "./system.ts";
import { troubleOf } from "./trouble.ts";

/** How long a stop waits for others to take over what this node leads. */
const HAND_OVER_MS = 2_000;

interface Parts {
  readonly mesh: Mesh;
  readonly plane: DataPlane;
  readonly composed: Composed;
  readonly app: FastifyInstance;
  readonly announcer: Announcer;
  readonly members: MemberList;
  readonly hints: Hints;
  readonly lock: DataLock;
  readonly apiUrl: string;
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

  /** The actors, for benches that measure below the API. */
  get cluster(): Composed["node"] {
    return this.#parts.composed.node;
  }

  /** Lets running units finish, hands over leadership, and stops. `now` skips the waiting. */
  async stop(now: AbortSignal): Promise<void> {
    const { mesh, plane, composed, app, announcer, members, hints, lock } = this.#parts;
    announcer.stop();
    members.stop();
    hints.stop();
    const drained = composed.node.executor.drain(this.#config.drainMs);
    const hurried = new Promise<void>((resolve) => {
      now.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([drained, hurried]);
    if (!now.aborted) await composed.node.handOver(HAND_OVER_MS);
    await app.close();
    composed.node.stop();
    await plane.close(false);
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
  readonly here: { composed: Composed | undefined };
}

/** Starts a node. @throws {JobxError} with the code of what could not be done. */
export async function startNode(
  config: NodeConfig,
  about: { readonly version: string; readonly log: Log },
): Promise<RunningNode> {
  const { log } = about;
  const ground = await prepare(config, about);
  const { mesh, lock } = ground;
  const plane = await DataPlane.start({
    directory: config.data,
    self: mesh.self,
    slots: Math.max(1, config.slots),
    log: log.child({ part: "data" }),
    fetchBlock: fetchBlock(mesh),
  });
  const { snapshots } = ground;
  snapshots.connect(mesh);
  const composed = await compose(ground, plane);
  const { node } = composed;
  const members = memberList(ground, node);
  mesh.handleBulk(
    bulkRouter({
      block: blockHandler(plane),
      snapshot: snapshots.handler,
      members: members.handler,
    }),
  );
  members.start();
  await node.start();
  const hints = new Hints(node, mesh.gossip, config.slots);
  const api = new ClusterApi({
    node,
    plane,
    member: () => node.directory.member(mesh.self),
    isUp: (id) => id === mesh.self || mesh.isUp(id),
    version: about.version,
    trouble: () => troubleOf(composed, mesh.self),
    metrics: () => nodeMetrics(composed, { mesh, frames: ground.frames, hints }),
  });
  const rules = { listenHost: config.api.host, hostNames: config.apiNames };
  const { legacyWorkflows } = config;
  const app = await buildApi({
    cluster: api,
    log: log.child({ part: "api" }),
    rules,
    legacyWorkflows,
  });
  const address = await listenApi(app, config.api);
  const announcer = new Announcer(node, { ...composed.member, api: address.url }, log);
  announcer.start();
  log.info("started", { node: mesh.self, api: address.url, data: config.data });
  const apiUrl = address.url;
  const parts = { mesh, plane, composed, app, announcer, members, hints, lock, apiUrl };
  return new RunningNode(config, log, parts);
}

/** Locks the data directory, opens the mesh, and sees to it that the node belongs to a cluster. */
async function prepare(
  config: NodeConfig,
  about: { readonly version: string; readonly log: Log },
): Promise<Ground> {
  const { log } = about;
  await preflight(config);
  await makeDataDirectory(config.data);
  const lock = await lockDirectory(config.data);
  const key = await loadOrCreateKey(join(config.data, "node-key"));
  const frames = new FrameMesh(peerIdOf(key));
  const here: Ground["here"] = { composed: undefined };
  const known = await knownCluster(config.data, { disk: levelDisk(config.data), log });
  const mesh = await Mesh.start({
    privateKey: key,
    listen: config.listen,
    advertise: config.advertise,
    handlers: frames,
    admission: admission(() => here.composed),
    members: known?.members ?? [],
    limits: DEFAULT_LIMITS,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    log: log.child({ part: "mesh" }),
  });
  frames.connect(mesh);
  const introduction: Introduction = {
    name: config.name,
    addresses: mesh.addresses(),
    api: `http://${config.api.host}:${config.api.port}`,
    slots: config.slots,
    capabilities: config.capabilities,
    version: about.version,
  };
  const member = { ...introduction, node: mesh.self, storeId: "" };
  const file = known ?? (await firstStart(config, { mesh, member, log }));
  mesh.setMembers(file.members.filter(({ node }) => node !== mesh.self));
  const snapshots = new BulkSnapshots();
  return { config, log, lock, frames, mesh, snapshots, introduction, file, here };
}

/** How this node learns whom to connect to while it has no replica that says so. */
function memberList({ mesh, file, log }: Ground, node: Composed["node"]): MemberList {
  return new MemberList({
    streams: mesh,
    timers: systemTimers,
    log,
    node,
    known: () => file.members.flatMap(({ node: id }) => (id === mesh.self ? [] : [id])),
    take: (members) => mesh.setMembers(members.filter(({ node: id }) => id !== mesh.self)),
  });
}

/** Builds the actors above what was prepared. */
async function compose(ground: Ground, plane: DataPlane): Promise<Composed> {
  const { config, log, frames, mesh, introduction, file, here } = ground;
  const saver = new MemberSaver(config.data, file, log);
  const composed = await composeNode({
    clock: systemClock,
    wall: systemWall,
    timers: systemTimers,
    random: systemRandom,
    log,
    disk: levelDisk(config.data),
    mesh: frames,
    snapshots: ground.snapshots,
    runs: plane,
    runner: plane,
    options: nodeOptions(config),
    clusterId: file.clusterId,
    member: introduction,
    seeds: file.members.map(({ node }) => node),
    run: mesh.bootId,
    boot: await nextBoot(config.data),
    founding: await foundingOf(config.data, file),
    onDirectory: (directory) => {
      const members = directory.members();
      if (members.length === 0) return;
      mesh.setMembers(members.filter(({ node }) => node !== mesh.self));
      saver.save(members.map(({ node, addresses }) => ({ node, addresses })));
    },
    bugs: {},
  });
  here.composed = composed;
  return composed;
}
