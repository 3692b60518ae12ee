/**
 * Does to the machines' disks what the seed has drawn, and is the operator who looks after them: makes
 * room, and switches a machine off and on again when its disk has refused something.
 */
import type { Chance } from "./chance.ts";
import type { HungLeaderChecker } from "./checkers/hung-leader-checker.ts";
import type { SimHost } from "./host.ts";
import { type Plan, STORAGE_FAULTS, type StorageFault } from "./plan.ts";
import type { World } from "./world.ts";

/** Between two faults. */
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 6_000;

/** How long a disk stands still. */
const HANG_MS_MIN = 5_000;
const HANG_MS_MAX = 30_000;

/** How long a disk is full. */
const FULL_MS_MIN = 500;
const FULL_MS_MAX = 8_000;

/** How long it is waited for a read that is to fail; then the machine is started anew, which reads much. */
const READ_MS_MAX = 6_000;

/** How often it is tried to find a moment in which the data of a machine can be spared. */
const ROT_TRIES_MAX = 20;
const ROT_PAUSE_MS = 250;

/** Chance that a machine on which something rots is started anew soon. */
const RESTART_RATIO = 0.6;

/** When somebody comes to a machine that does not serve, and how long it then is off. */
const REPAIR_MS_MAX = 4_000;
const OFF_MS_MAX = 4_000;

export interface StorageFaultsOptions {
  readonly world: World;
  readonly plan: Plan;
  readonly hosts: readonly SimHost[];
  readonly hungLeaders: HungLeaderChecker;
  /** Whether a machine may be away for a while: not while what only it has is handed on. */
  readonly mayBeAway: (host: SimHost) => boolean;
  /** Whether the product can do without the data of this host. */
  readonly mayRot: (host: SimHost) => boolean;
}

export class StorageFaults {
  readonly #options: StorageFaultsOptions;
  readonly #chance: Chance;
  #over = false;

  constructor(options: StorageFaultsOptions) {
    this.#options = options;
    this.#chance = options.world.chance("storage faults");
  }

  start(): void {
    const { world, plan } = this.#options;
    if (plan.storageFaults.size === 0) return;
    world.loop.after(plan.faultsFromMs, () => this.#next());
    world.loop.after(plan.faultsToMs, () => this.#end());
  }

  /** All disks are sound again, and every machine runs that had trouble. */
  #end(): void {
    this.#over = true;
    for (const host of this.#options.hosts) {
      host.storage.makeRoom();
      host.storage.readAll();
      if (host.storage.hasRefused) this.#restart(host, 0);
    }
  }

  #next(): void {
    if (this.#over) return;
    const chance = this.#chance;
    const { world, plan, hosts, mayBeAway } = this.#options;
    const kind = chance.pick(STORAGE_FAULTS.filter((fault) => plan.storageFaults.has(fault)));
    const there = hosts.filter((host) => host.isInService && mayBeAway(host) && isCalm(host));
    if (there.length > 0) this.#begin(kind, chance.pick(there));
    world.loop.after(chance.between(PAUSE_MS_MIN, PAUSE_MS_MAX), () => this.#next());
  }

  #begin(kind: StorageFault, host: SimHost): void {
    switch (kind) {
      case "hung-disk":
        this.#hang(host);
        break;
      case "disk-full":
        this.#fill(host);
        break;
      case "read-error":
        this.#failRead(host);
        break;
      case "bit-rot":
        this.#rotSoon(ROT_TRIES_MAX);
        break;
    }
  }

  #hang(host: SimHost): void {
    const { world, hungLeaders } = this.#options;
    const { process } = host;
    if (process === undefined) return;
    const place = this.#chance.pick(["log", "state", "disk"] as const);
    const forMs = this.#chance.between(HANG_MS_MIN, HANG_MS_MAX);
    world.totals.diskHangs += 1;
    world.trace.note(`${host.id}: the ${place} stands still for ${forMs.toFixed(0)} ms`);
    host.storage.hang(place, world.loop.nowMs() + forMs);
    // Looked at just before what waits goes on.
    world.loop.after(forMs - 0.01, () => {
      host.storage.goOn();
      if (process.alive) hungLeaders.check(process);
    });
  }

  #fill(host: SimHost): void {
    const { world } = this.#options;
    if (!host.isUp) return;
    world.totals.fullDisks += 1;
    world.trace.note(`${host.id}: the disk is full`);
    host.storage.fill(this.#chance.pick([1, 0.5]));
    world.loop.after(this.#chance.between(FULL_MS_MIN, FULL_MS_MAX), () => {
      if (!host.storage.isFull) return;
      world.trace.note(`${host.id}: there is room again`);
      host.storage.makeRoom();
      if (host.storage.hasRefused) this.#restart(host, this.#chance.between(0, OFF_MS_MAX));
    });
  }

  #failRead(host: SimHost): void {
    const { world } = this.#options;
    const repair = (): void => {
      world.loop.after(this.#chance.between(100, REPAIR_MS_MAX), () => {
        if (!this.#over) this.#restart(host, this.#chance.between(0, OFF_MS_MAX));
      });
    };
    host.storage.failNextRead(this.#chance.pick(["log", "state", "state"] as const), repair);
    world.loop.after(this.#chance.between(0, READ_MS_MAX), () => {
      if (host.storage.awaitsRead) this.#restart(host, 0);
    });
  }

  /** Waits for a moment in which a machine's data can be spared. */
  #rotSoon(tries: number): void {
    const { world, hosts, mayBeAway, mayRot } = this.#options;
    if (this.#over || tries === 0) return;
    const there = hosts.filter((host) => host.isInService && mayBeAway(host) && isCalm(host));
    const able = there.filter((host) => mayRot(host));
    if (able.length > 0) this.#rot(this.#chance.pick(able));
    else world.loop.after(ROT_PAUSE_MS, () => this.#rotSoon(tries - 1));
  }

  /** Something of what the disk holds is not what was written, or not there. */
  #rot(host: SimHost): void {
    const { world } = this.#options;
    const chance = this.#chance;
    // What is wrong while a store is being opened may be seen or not.
    const opens = host.isUp && host.node === undefined;
    const { storeId } = host;
    if (opens || storeId === undefined) return;
    const way = chance.pick(["flip", "flip", "misdirect", "lie"] as const);
    if (way === "lie") {
      const lost = host.crashLying(chance);
      if (lost === undefined) return;
      world.totals.syncsForgotten += 1;
      world.trace.note(`${host.id} crashes, and ${lost} is lost that was synced`);
      this.#restart(host, chance.between(100, OFF_MS_MAX));
      return;
    }
    const hit =
      way === "flip" ? host.rot.flip(storeId, chance) : host.rot.misdirect(storeId, chance);
    if (hit === undefined) return;
    if (way === "flip") world.totals.recordsFlipped += 1;
    else world.totals.recordsMisdirected += 1;
    world.trace.note(`${host.id} rots (${way}): ${hit}`);
    // Much is read only by the next process.
    if (chance.hits(RESTART_RATIO)) this.#restart(host, chance.between(100, OFF_MS_MAX));
  }

  /** Switches the machine off, and after a while on. */
  #restart(host: SimHost, offMs: number): void {
    const { world } = this.#options;
    if (!host.isInService) return;
    if (host.isUp) {
      world.trace.note(`${host.id} is switched off`);
      host.crash("process");
      world.totals.repairs += 1;
    }
    world.loop.after(offMs, () => {
      if (host.isUp) return;
      world.trace.note(`${host.id} is switched on`);
      host.start();
    });
  }
}

/** Whether its disk has no trouble at the moment, and had none that nobody has looked after. */
function isCalm({ storage }: SimHost): boolean {
  return !storage.isHung && !storage.isFull && !storage.awaitsRead && !storage.hasRefused;
}
