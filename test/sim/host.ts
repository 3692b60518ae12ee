/**
 * A simulated machine: a disk and a block store that outlive the process, a clock that is off, and
 * at most one process, which is composed as the program composes it.
 */
import type { ClusterNode } from "../../src/actors/cluster-node.ts";
import type { ClusterNodeOptions } from "../../src/actors/node-deps.ts";
import type { Admission, BulkHandler } from "../../src/mesh/ports.ts";
import { Announcer } from "../../src/node/announcer.ts";
import { bulkRouter } from "../../src/node/bulk-router.ts";
import { type Composed, composeNode } from "../../src/node/compose.ts";
import { admission } from "../../src/node/joining.ts";
import { MemberGate } from "../../src/node/member-gate.ts";
import { MemberList } from "../../src/node/member-list.ts";
import { BulkSnapshots } from "../../src/node/snapshot-transfer.ts";
import type { MemberInfo, SystemCommand } from "../../src/scheduler/system/commands.ts";
import { SUPPORTED_VERSIONS, type VersionRange } from "../../src/scheduler/system/version-range.ts";
import type { Timer, Timers } from "../../src/std/clock.ts";
import { errorText, isJobxError } from "../../src/std/errors.ts";
import type { PlantedBugs } from "../../src/std/planted-bugs.ts";
import { watchedDisk } from "../../src/store/watched-disk.ts";
import type { FakeDisk } from "../lib/fake-disk.ts";
import { SimBlockDisk, SimRuns } from "./blocks.ts";
import { SimBulk } from "./bulk.ts";
import type { Chance } from "./chance.ts";
import { diskText } from "./disk-text.ts";
import type { HostClock } from "./host-clock.ts";
import { HostDisk, MEMTABLE_BYTES } from "./host-disk.ts";
import { HostRot } from "./host-rot.ts";
import type { HostWatch } from "./host-watch.ts";
import { introductionOf } from "./introduction.ts";
import { programOf } from "./later.ts";
import type { NetworkProcess, SimFrames, SimNetwork } from "./network.ts";
import { SimRunner, type UnitBehaviour } from "./runner.ts";
import { TraceLog } from "./trace-log.ts";
import { type MeshWatch, WatchedMesh } from "./watched-mesh.ts";
import { promise, type World } from "./world.ts";

/** Where frames get lost at all, streams break so often at least, so that some are gone on with. */
const STREAM_BREAK_RATIO = 0.02;

export interface HostOptions {
  readonly world: World;
  readonly id: string;
  readonly network: SimNetwork;
  readonly options: ClusterNodeOptions;
  readonly behaviour: UnitBehaviour;
  readonly bugs: PlantedBugs;
  readonly watch: HostWatch<SimProcess>;
  readonly reach: (from: string, to: string) => SimBlockDisk | undefined;
  /** The other's process, while both can talk. */
  readonly reachProcess: (from: string, to: string) => SimProcess | undefined;
  readonly zombieRatio: number;
  readonly runRatio: number;
  readonly clock: HostClock;
  /** More may be lost than can be survived: then a node may say so, with a code, and end. */
  readonly beyond: boolean;
  readonly founding: ((member: MemberInfo) => SystemCommand) | undefined;
}

export class SimHost {
  readonly id: string;
  readonly options: HostOptions;
  readonly storage: HostDisk;
  readonly rot: HostRot;
  readonly blocks = new SimBlockDisk();
  /** What the program supports that is installed on it; another one runs from the next start on. */
  versions: VersionRange = SUPPORTED_VERSIONS;
  /** As in the file beside the databases: whom the node knew. */
  knownMembers: readonly string[] = [];
  /** The store that the host had when it last started. */
  storeId: string | undefined;
  #process: SimProcess | undefined;
  #boot = 0;
  #retired = false;

  constructor(options: HostOptions) {
    this.id = options.id;
    this.options = options;
    const { world, id } = options;
    this.storage = new HostDisk({ world, id, process: () => this.#process });
    this.rot = new HostRot(this.storage.disk);
  }

  get clock(): HostClock {
    return this.options.clock;
  }

  get disk(): FakeDisk {
    return this.storage.disk;
  }

  get process(): SimProcess | undefined {
    return this.#process;
  }

  /** The node, once it has started. */
  get node(): ClusterNode | undefined {
    return this.#process?.node;
  }

  /** Whether it was ever switched on. */
  get wasStarted(): boolean {
    return this.#boot > 0;
  }

  /** Whether its start makes the cluster: as the program, by knowing nobody yet. */
  get founds(): boolean {
    return this.options.founding !== undefined && this.knownMembers.length === 0;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** Whether it was switched on, and is to be so again whenever it fails. */
  get isInService(): boolean {
    return this.wasStarted && !this.#retired;
  }

  /** What the node says of itself before it has a store. */
  get introduction(): MemberInfo {
    const { id, versions } = this;
    return introductionOf({ id, versions, ...this.options.options.executor });
  }

  start(): void {
    if (!this.#retired) this.#start();
  }

  /** Nobody repairs it any more: what ends it ends it for good. */
  retire(): void {
    this.#retired = true;
    this.storeId = undefined;
  }

  /** Somebody switches a machine on that was given up, with all that it has on its disk. */
  haunt(): void {
    promise(this.#retired, "only who was given up comes back as a ghost");
    this.#start();
  }

  #start(): void {
    if (this.#process !== undefined) return;
    this.#boot += 1;
    const process = new SimProcess(this, this.#boot);
    this.#process = process;
    this.storage.started();
    process.enter(() => process.begin());
  }

  /** Ends the process at once. @returns whether the disk lost anything that was there. */
  crash(kind: "process" | "power"): boolean {
    const process = this.#process;
    if (process === undefined) return false;
    this.#process = undefined;
    process.end();
    const before = kind === "power" ? diskText(this.disk) : "";
    this.disk.crash(kind);
    const lost = kind === "power" && diskText(this.disk) !== before;
    const lostBlocks = kind === "power" && this.blocks.powerFailure();
    return lost || lostBlocks;
  }

  /** The process has ended by itself: its program does not support the version of the cluster. */
  unfit(process: SimProcess): void {
    if (this.#process !== process) return;
    this.options.world.trace.note(`${this.id} has ended by itself: its program does not fit`);
    this.options.world.totals.programsRefused += 1;
    this.crash("process");
  }

  /** The process has ended by itself, as one that was removed does. */
  ended(process: SimProcess): void {
    if (this.#process !== process) return;
    this.options.world.trace.note(`${this.id} has ended by itself`);
    this.crash("process");
    this.retire();
  }

  /** The process gave up before it had started; somebody has to look at the machine. */
  failed(process: SimProcess, reason: string): void {
    if (this.#process !== process) return;
    this.options.world.trace.note(`${this.id} could not start: ${reason}`);
    this.crash("process");
  }

  /** Ends the process, and its store is gone; what lies beside the databases is not. */
  wipe(): void {
    this.crash("process");
    this.disk.wipe();
    this.rot.wiped();
    this.storeId = undefined;
  }

  /** Ends the process, and synced data is gone. @returns what; undefined when there was none, and it goes on. */
  crashLying(chance: Chance): string | undefined {
    const process = this.#process;
    if (process === undefined || this.storeId === undefined) return undefined;
    const lost = this.rot.crashLying(this.storeId, chance);
    if (lost === undefined) return undefined;
    this.#process = undefined;
    process.end();
    return lost;
  }
}

/** One run of the program on a host. */
export class SimProcess implements NetworkProcess {
  readonly host: SimHost;
  readonly run: number;
  /** What its program supports. */
  readonly versions: VersionRange;
  readonly chance: Chance;
  readonly #world: World;
  readonly #mesh: WatchedMesh;
  readonly #snapshots = new BulkSnapshots();
  readonly #bulk: SimBulk;
  readonly #log: TraceLog;
  /** Lets newcomers in, once the node is there. */
  readonly admission: Admission;
  #composed: Composed | undefined;
  #members: MemberList | undefined;
  #alive = true;
  #paused = false;
  #deferred: (() => void)[] = [];
  #frames: SimFrames | undefined;
  #node: ClusterNode | undefined;
  #runs: SimRuns | undefined;
  #leaves = false;
  #resumedMs = Number.NEGATIVE_INFINITY;

  constructor(host: SimHost, run: number) {
    this.host = host;
    this.run = run;
    this.versions = host.versions;
    const { world, watch } = host.options;
    this.#world = world;
    this.chance = world.chance(`node ${host.id} ${run}`);
    this.#log = new TraceLog(world, `${host.id}: `);
    const heed = {
      heard: (from, message) => watch.heard(this, from, message),
      followed: (message) => watch.followed(this, message),
      said: (_to, message) => watch.said(this, message),
      unreadable: (from, error) => watch.unreadable(this, from, error),
    } satisfies MeshWatch;
    this.#mesh = new WatchedMesh(host.id, heed, programOf(this.versions).messages);
    this.admission = admission(() => this.#composed, host.clock);
    this.#bulk = new SimBulk({
      world,
      self: host.id,
      chance: world.chance(`bulk ${host.id} ${run}`),
      sleep: (delayMs) => this.sleep(delayMs),
      reach: (node) => host.options.reachProcess(host.id, node),
      breakRatio: () => {
        const { lossRatio } = host.options.network.weather;
        return lossRatio === 0 ? 0 : STREAM_BREAK_RATIO + lossRatio / 4;
      },
    });
    this.#snapshots.connect(this.#bulk);
  }

  get id(): string {
    return this.host.id;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Answers bulk streams of others. */
  get handler(): BulkHandler {
    const unready: BulkHandler = () => {
      throw new Error(`${this.id} has not started`);
    };
    return bulkRouter({
      block: unready,
      snapshot: this.#snapshots.handler,
      members: this.#members?.handler ?? unready,
    });
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Whether it stood still at any moment since, by its own clock. */
  wasPausedSince(sinceMs: number): boolean {
    return this.#paused || this.#resumedMs >= sinceMs;
  }

  /** Undefined until it has started. */
  get node(): ClusterNode | undefined {
    return this.#node;
  }

  /** Its block store, once it starts. */
  get runs(): SimRuns {
    if (this.#runs === undefined) throw new Error(`${this.id} has not started`);
    return this.#runs;
  }

  get frames(): SimFrames | undefined {
    return this.#frames;
  }

  begin(): void {
    this.#start().catch((error: unknown) => {
      if (isJobxError(error) && error.code === "CLUSTER_VERSION_UNSUPPORTED") {
        this.host.unfit(this);
        return;
      }
      const saysDamage = this.host.options.beyond && isJobxError(error);
      if (saysDamage || this.host.storage.explainsEnd(error)) {
        this.host.failed(this, errorText(error));
        return;
      }
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#world.violate(new Error(`${this.id} could not start: ${text}`));
    });
  }

  /** The process is dead: nothing of it runs any more. */
  end(): void {
    this.#alive = false;
    this.#deferred = [];
    this.host.options.network.detach(this);
  }

  pause(): void {
    this.#paused = true;
  }

  /** What came up meanwhile happens now, in its order. */
  resume(): void {
    if (this.#paused) this.#resumedMs = this.host.clock.nowMs();
    this.#paused = false;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) this.#world.loop.after(0, () => this.enter(run));
  }

  enter(run: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) {
      this.#deferred.push(run);
      return;
    }
    this.host.options.watch.touched(this);
    run();
  }

  /** Of what is not the program's: disks, links and handlers take their time whatever the clock says. */
  after(delayMs: number, run: () => void): Timer {
    return this.#world.loop.after(delayMs, () => this.enter(run));
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  onFrame(from: string, frame: Uint8Array): void {
    this.#mesh.onFrame(from, frame);
  }

  onPeerUp(node: string): void {
    this.#world.trace.note(`${this.id} sees ${node} up`);
    this.#mesh.onPeerUp(node);
  }

  onPeerDown(node: string): void {
    this.#world.trace.note(`${this.id} sees ${node} down`);
    this.#mesh.onPeerDown(node);
  }

  async #start(): Promise<void> {
    const { host } = this;
    const { options, bugs, watch, network } = host.options;
    const founding = host.founds ? host.options.founding : undefined;
    const world = this.#world;
    const { clock } = host;
    const timers = this.#timers();
    this.#runs = new SimRuns({
      world,
      disk: host.blocks,
      peers: { reach: (node) => host.options.reach(host.id, node) },
      chance: world.chance(`runs ${host.id} ${this.run}`),
      sleep: (delayMs) => this.sleep(delayMs),
      deleting: (cid) => watch.deleting(this, cid),
    });
    const { runs } = this;
    const frames = network.attach(this, host.knownMembers);
    this.#frames = frames;
    const gate = new MemberGate(frames, timers);
    const onUnsupported = (): void => this.#unfit();
    const composed = await composeNode({
      ...{ clock, wall: clock, timers },
      random: this.chance,
      log: this.#log,
      disk: watchedDisk(host.disk, clock),
      mesh: this.#mesh,
      snapshots: this.#snapshots,
      stateMemtableBytes: MEMTABLE_BYTES.state,
      runs,
      runner: this.#runner(runs),
      options,
      clusterId: "simulated",
      member: host.introduction,
      seeds: host.knownMembers,
      run: `${host.id}-${this.run}`,
      boot: this.run,
      founding,
      onDirectory: (directory) => {
        const members = directory.members();
        if (members.length === 0) return;
        gate.follow(directory.everybody());
        host.knownMembers = members.map(({ node }) => node);
        if (directory.member(host.id)?.state === "removed") this.#removed();
      },
      onUnsupported,
      bugs,
      vocabulary: programOf(this.versions).vocabulary,
    });
    const { node, store, member } = composed;
    this.#composed = composed;
    if (host.isInService) host.storeId = store.identity.storeId;
    watch.opened(this, store);
    this.#mesh.connect(frames);
    this.#members = new MemberList({
      streams: this.#bulk,
      timers,
      log: this.#log,
      node,
      silentTicksMax: 2 * options.electionTicks,
      known: () => host.knownMembers.filter((id) => id !== host.id),
      take: (members) => {
        const gone = node.directory.everybody().filter(({ state }) => state === "removed");
        frames.setMembers(
          members,
          gone.map(({ node: id }) => id),
        );
      },
    });
    this.#members.start();
    await node.start();
    if (node.versions.error !== undefined) throw node.versions.error;
    this.#node = node;
    frames.start();
    if (this.#leaves) await this.#leave(node);
    else new Announcer({ node, member, timers, log: this.#log, onUnsupported }).start();
  }

  /** Soon: as the program, which is told so in the middle of something. */
  #unfit(): void {
    this.after(0, () => this.host.unfit(this));
  }

  /** The node has learnt that the cluster has removed it. */
  #removed(): void {
    if (this.#leaves) return;
    this.#leaves = true;
    // One that learns so from its own disk ends as soon as it has started.
    if (this.#node !== undefined) void this.#leave(this.#node);
  }

  /** As the program does: it stops in a hurry, and for ever. */
  async #leave(node: ClusterNode): Promise<void> {
    await node.leave({ drainMs: 0, hurry: AbortSignal.abort() });
    node.stop();
    this.host.ended(this);
  }

  /** The program's, by the machine's own clock. */
  #timers(): Timers {
    const { clock } = this.host;
    return { after: (delayMs, run) => clock.after(delayMs, () => this.enter(run)) };
  }

  #runner(runs: SimRuns): SimRunner {
    const { behaviour, zombieRatio, runRatio, options } = this.host.options;
    return new SimRunner({
      chance: this.#world.chance(`runner ${this.id} ${this.run}`),
      behaviour,
      runs,
      self: this.id,
      nowMs: () => this.host.clock.countMs(),
      slots: options.executor.slots,
      sleep: (delayMs) => this.sleep(delayMs),
      zombieRatio,
      runRatio,
      leaseMs: options.executor.leaseMs,
      violate: (violation) => this.#world.violate(violation),
      begins: (attempt) => this.host.options.watch.runs(this, attempt),
    });
  }
}
