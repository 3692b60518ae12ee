/** One running node: its parts made in order, and stopped in the reverse one. */
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ClusterNode } from "../actors/cluster-node.ts";
import { buildApi, listenApi } from "../api/server.ts";
import { loadOrCreateKey, peerIdOf } from "../mesh/keys.ts";
import { DEFAULT_LIMITS } from "../mesh/limits.ts";
import { Mesh } from "../mesh/mesh.ts";
import type { MemberInfo, SystemCommand } from "../scheduler/system/commands.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { levelDisk } from "../store/level-disk.ts";
import type { KnownMember } from "../wire/join.ts";
import { Announcer } from "./announcer.ts";
import { bulkHandler, fetchBlock } from "./block-transfer.ts";
import { ClusterApi } from "./cluster-api.ts";
import {
  type ClusterFile,
  nextBoot,
  readClusterFile,
  replaceFile,
  writeClusterFile,
} from "./cluster-file.ts";
import { type Composed, composeNode } from "./compose.ts";
import type { NodeConfig } from "./config.ts";
import { type DataLock, lockDirectory } from "./data-lock.ts";
import { DataPlane } from "./data-plane/data-plane.ts";
import { FrameMesh } from "./frame-mesh.ts";
import { Hints } from "./hints.ts";
import { admission, joinCluster } from "./joining.ts";
import { nodeMetrics } from "./metrics.ts";
import { nodeOptions } from "./options.ts";
import { systemClock, systemRandom, systemTimers, systemWall } from "./system.ts";

/** Random bytes of an admin token and of a cluster's id. */
const TOKEN_BYTES = 32;
const CLUSTER_ID_BYTES = 16;

/** The file that holds the token of the cluster's first admin. */
const TOKEN_FILE = "admin-token";

/** A node that runs. */
export class RunningNode {
  readonly #config: NodeConfig;
  readonly #log: Log;
  readonly #parts: {
    readonly mesh: Mesh;
    readonly plane: DataPlane;
    readonly composed: Composed;
    readonly app: FastifyInstance;
    readonly announcer: Announcer;
    readonly hints: Hints;
    readonly lock: DataLock;
  };
  readonly apiUrl: string;
  readonly id: string;

  /** Use `startNode`. */
  constructor(
    config: NodeConfig,
    log: Log,
    parts: {
      readonly mesh: Mesh;
      readonly plane: DataPlane;
      readonly composed: Composed;
      readonly app: FastifyInstance;
      readonly announcer: Announcer;
      readonly hints: Hints;
      readonly lock: DataLock;
      readonly apiUrl: string;
    },
  ) {
    this.#config = config;
    this.#log = log;
    this.#parts = parts;
    this.apiUrl = parts.apiUrl;
    this.id = parts.mesh.self;
  }

  /** The node above its ports, for programs that run one in their own process and measure it. */
  get cluster(): ClusterNode {
    return this.#parts.composed.node;
  }

  /** Lets running units finish, hands over leadership, and stops. `now` skips the waiting. */
  async stop(now: AbortSignal): Promise<void> {
    const { mesh, plane, composed, app, announcer, hints, lock } = this.#parts;
    announcer.stop();
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

/** How long a stop waits for others to take over what this node leads. */
const HAND_OVER_MS = 2_000;

/** Starts a node. @throws {JobxError} with the code of what could not be done. */
export async function startNode(
  config: NodeConfig,
  about: { readonly version: string; readonly log: Log },
): Promise<RunningNode> {
  const { log } = about;
  await mkdir(config.data, { recursive: true, mode: 0o700 });
  await chmod(config.data, 0o700);
  const lock = await lockDirectory(config.data);
  const disk = levelDisk(config.data);
  const key = await loadOrCreateKey(join(config.data, "node-key"));
  const self = peerIdOf(key);
  const frameMesh = new FrameMesh(self);
  let composed: Composed | undefined;
  const known = await readClusterFile(config.data);
  const mesh = await Mesh.start({
    privateKey: key,
    listen: config.listen,
    advertise: config.advertise,
    handlers: {
      onFrame: (from, frame) => frameMesh.onFrame(from, frame),
      onPeerUp: (node) => frameMesh.onPeerUp(node),
      onPeerDown: (node) => frameMesh.onPeerDown(node),
    },
    admission: admission(() => composed),
    members: known?.members ?? [],
    limits: DEFAULT_LIMITS,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    log: log.child({ part: "mesh" }),
  });
  frameMesh.connect(mesh);
  const member: Omit<MemberInfo, "node" | "storeId"> = {
    name: config.name,
    addresses: mesh.addresses(),
    api: `http://${urlHost(config.api.host)}:${config.api.port}`,
    slots: config.slots,
    capabilities: config.capabilities,
    version: about.version,
  };
  const file =
    known ??
    (await firstStart(config, { mesh, member: { ...member, node: self, storeId: "" }, log }));
  mesh.setMembers(file.members.filter(({ node }) => node !== self));
  const plane = await DataPlane.start({
    directory: config.data,
    self,
    slots: Math.max(1, config.slots),
    log: log.child({ part: "data" }),
    fetchBlock: fetchBlock(mesh),
  });
  mesh.handleBulk(bulkHandler(plane));
  const adminToken = file.founder ? await adminTokenOf(config.data) : undefined;
  composed = await composeNode({
    clock: systemClock,
    wall: systemWall,
    timers: systemTimers,
    random: systemRandom,
    log,
    disk,
    mesh: frameMesh,
    runs: plane,
    runner: plane,
    options: nodeOptions(config),
    clusterId: file.clusterId,
    member,
    seeds: file.members.map(({ node }) => node),
    run: mesh.bootId,
    boot: await nextBoot(config.data),
    founding: adminToken === undefined ? undefined : founding(file.clusterId, adminToken),
    onDirectory: (directory) => membersChanged(directory.members()),
    bugs: {},
  });
  const { node } = composed;
  const saver = new MemberSaver(config.data, file, log);
  function membersChanged(members: readonly KnownMember[]): void {
    if (members.length === 0) return;
    mesh.setMembers(members.filter(({ node: id }) => id !== self));
    saver.save(members.map(({ node: id, addresses }) => ({ node: id, addresses })));
  }
  await node.start();
  const found = composed;
  const api = new ClusterApi({
    node,
    plane,
    member: () => node.directory.member(self),
    isUp: (id) => id === self || mesh.isUp(id),
    version: about.version,
    trouble: () => troubleOf(found, self),
    metrics: () => nodeMetrics(found, mesh),
  });
  const rules = { listenHost: config.api.host, hostNames: config.apiNames };
  const app = await buildApi({ cluster: api, log: log.child({ part: "api" }), rules });
  const address = await listenApi(app, config.api);
  const info = { ...found.member, api: address.url };
  const hints = new Hints(node, mesh.gossip, { slots: config.slots, log });
  const announcer = new Announcer(node, info, log);
  announcer.start();
  log.info("started", { node: self, name: config.name, api: address.url, data: config.data });
  return new RunningNode(config, log, {
    mesh,
    plane,
    composed: found,
    app,
    announcer,
    hints,
    lock,
    apiUrl: address.url,
  });
}

/** Makes a cluster of one, or joins the one of the ticket; durable before anything else is done. */
async function firstStart(
  config: NodeConfig,
  parts: { readonly mesh: Mesh; readonly member: MemberInfo; readonly log: Log },
): Promise<ClusterFile> {
  let file: ClusterFile;
  if (config.joinTicket === undefined) {
    const clusterId = randomBytes(CLUSTER_ID_BYTES).toString("hex");
    file = { clusterId, founder: true, members: [] };
    parts.log.info("makes a new cluster", { clusterId });
  } else {
    const answer = await joinCluster(parts.mesh, config.joinTicket, parts.member);
    file = { clusterId: answer.clusterId, founder: false, members: answer.members };
    parts.log.info("joined a cluster", { clusterId: answer.clusterId });
  }
  await writeClusterFile(config.data, file);
  return file;
}

function founding(clusterId: string, token: string): (member: MemberInfo) => SystemCommand {
  const adminTokenHash = createHash("sha256").update(token).digest("hex");
  return (member) => ({ kind: "found", clusterId, member, adminTokenHash });
}

/** The first admin's token: made once, only its hash is replicated. */
async function adminTokenOf(directory: string): Promise<string> {
  const path = join(directory, TOKEN_FILE);
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  await replaceFile(path, `${token}\n`, 0o600);
  return token;
}

/** Why the node cannot serve now; undefined when it can. */
function troubleOf(composed: Composed, self: string): string | undefined {
  const { node, member } = composed;
  const stopped = [...node.stoppedReplicas][0];
  if (stopped !== undefined)
    return `the replica of group ${stopped[0]} takes no part: ${stopped[1]}`;
  const known = node.directory.member(self);
  if (known === undefined) return "this node does not know its cluster yet";
  if (known.storeId !== member.storeId) return "the cluster does not know this node's store yet";
  if (node.system.replica?.leaderNode === undefined) return "the system group has no leader";
  return undefined;
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Keeps the cluster file up to date, one write at a time. */
class MemberSaver {
  readonly #directory: string;
  readonly #log: Log;
  #file: ClusterFile;
  #writing = false;
  #next: ClusterFile | undefined;

  constructor(directory: string, file: ClusterFile, log: Log) {
    this.#directory = directory;
    this.#file = file;
    this.#log = log;
  }

  save(members: readonly KnownMember[]): void {
    if (JSON.stringify(members) === JSON.stringify((this.#next ?? this.#file).members)) return;
    this.#next = { ...this.#file, members };
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    for (let file = this.#next; file !== undefined; file = this.#next) {
      this.#next = undefined;
      this.#file = file;
      try {
        await writeClusterFile(this.#directory, file);
      } catch (error) {
        this.#log.warn("the list of members could not be saved", { reason: errorText(error) });
      }
    }
    this.#writing = false;
  }
}
