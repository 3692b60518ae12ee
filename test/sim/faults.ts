/** Does to the cluster what its seed has drawn, until faults end; then everything is made whole. */
import type { Chance } from "./chance.ts";
import type { SimHost } from "./host.ts";
import { CALM_DISK } from "./host-disk.ts";
import { CALM, type NetworkWeather, type SimNetwork } from "./network.ts";
import { drawPartition } from "./partitions.ts";
import type { Fault, Plan } from "./plan.ts";
import type { World } from "./world.ts";

/** Between two faults that have a beginning and an end. */
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 6_000;

/** Between two kinds of weather. */
const WEATHER_MS_MAX = 8_000;

export class FaultDriver {
  readonly #world: World;
  readonly #plan: Plan;
  readonly #network: SimNetwork;
  readonly #hosts: readonly SimHost[];
  readonly #chance: Chance;
  readonly #mayLose: (host: SimHost) => boolean;
  #over = false;

  constructor(options: {
    readonly world: World;
    readonly plan: Plan;
    readonly network: SimNetwork;
    readonly hosts: readonly SimHost[];
    /** Whether no group would lose what only this host has. */
    readonly mayLose: (host: SimHost) => boolean;
  }) {
    this.#mayLose = options.mayLose;
    this.#world = options.world;
    this.#plan = options.plan;
    this.#network = options.network;
    this.#hosts = options.hosts;
    this.#chance = options.world.chance("faults");
  }

  start(): void {
    const { loop } = this.#world;
    const { faultsFromMs, faultsToMs } = this.#plan;
    loop.after(faultsFromMs, () => {
      this.#changeWeather();
      this.#next();
    });
    loop.after(faultsToMs, () => this.#end());
  }

  get over(): boolean {
    return this.#over;
  }

  /** Those that are in the cluster, or on their way into it. */
  get #present(): readonly SimHost[] {
    return this.#hosts.filter((host) => host.isInService);
  }

  #has(fault: Fault): boolean {
    return this.#plan.faults.has(fault);
  }

  #end(): void {
    this.#over = true;
    this.#world.trace.note("faults end");
    this.#network.healAll();
    for (const host of this.#hosts) {
      host.storage.weather = CALM_DISK;
      host.process?.resume();
      if (host.isInService) host.start();
    }
  }

  #changeWeather(): void {
    if (this.#over) return;
    const chance = this.#chance;
    const weather: NetworkWeather = {
      ...CALM,
      lossRatio: this.#has("loss") ? chance.pick([0, 0.02, 0.1, 0.3]) : 0,
      duplicateRatio: this.#has("duplication") ? chance.pick([0, 0.05, 0.3]) : 0,
      reorderRatio: this.#has("reordering") ? chance.pick([0, 0.05, 0.3]) : 0,
      ...(this.#has("delay")
        ? {
            delayMsMax: chance.pick([5, 40, 150]),
            tailRatio: 0.03,
            // A link keeps the order, so one that is late keeps all behind it.
            tailMs: chance.pick([200, 2_000, 5_000]),
          }
        : {}),
    };
    this.#network.weather = weather;
    this.#world.trace.note(`weather ${JSON.stringify(weather)}`);
    if (this.#has("slow-disk")) {
      for (const host of this.#hosts) {
        host.storage.weather = chance.pick([
          CALM_DISK,
          { syncMsMin: 2, syncMsMax: 60, stallRatio: 0.02, stallMs: 1_500 },
          { syncMsMin: 10, syncMsMax: 30, stallRatio: 0, stallMs: 0 },
        ]);
      }
    }
    this.#world.loop.after(chance.between(2_000, WEATHER_MS_MAX), () => this.#changeWeather());
  }

  #next(): void {
    if (this.#over) return;
    const chance = this.#chance;
    const kinds = (["partition", "pause", "crash", "wipe"] as const).filter((kind) =>
      this.#has(kind),
    );
    if (kinds.length === 0) return;
    const present = this.#present;
    if (present.length < 2) {
      this.#world.loop.after(PAUSE_MS_MIN, () => this.#next());
      return;
    }
    switch (chance.pick(kinds)) {
      case "partition":
        this.#partition(present);
        break;
      case "pause":
        this.#pause(chance.pick(present));
        break;
      case "crash":
        this.#crash(present);
        break;
      case "wipe":
        this.#wipe(present);
        break;
    }
    this.#world.loop.after(chance.between(PAUSE_MS_MIN, PAUSE_MS_MAX), () => this.#next());
  }

  #partition(present: readonly SimHost[]): void {
    const chance = this.#chance;
    const { text, cuts } = drawPartition(
      present.map(({ id }) => id),
      chance,
    );
    this.#world.totals.partitions += 1;
    this.#world.trace.note(`partition ${text}`);
    for (const [from, to] of cuts) this.#network.block(from, to);
    this.#world.loop.after(chance.between(300, 9_000), () => {
      for (const [from, to] of cuts) this.#network.unblock(from, to);
      this.#world.trace.note(`partition ends: ${text}`);
    });
  }

  #pause(host: SimHost): void {
    const { process } = host;
    if (process === undefined || process.paused) return;
    this.#world.totals.pauses += 1;
    this.#world.trace.note(`${host.id} pauses`);
    process.pause();
    this.#world.loop.after(this.#chance.between(200, 10_000), () => {
      if (!process.alive || !process.paused) return;
      this.#world.trace.note(`${host.id} goes on`);
      process.resume();
    });
  }

  /** A machine comes back with an empty store under its old key, soon or after its place was given away. */
  #wipe(present: readonly SimHost[]): void {
    const chance = this.#chance;
    const host = chance.pick(present);
    if (!this.#mayLose(host)) return;
    host.wipe();
    this.#world.totals.wipes += 1;
    this.#world.trace.note(`${host.id} loses its store`);
    const awayMs = chance.hits(0.3) ? chance.between(16_000, 25_000) : chance.between(100, 6_000);
    this.#world.loop.after(awayMs, () => {
      this.#world.trace.note(`${host.id} starts again`);
      host.start();
    });
  }

  #crash(present: readonly SimHost[]): void {
    const chance = this.#chance;
    // Now and then the whole room loses power.
    const all = chance.hits(0.1);
    const victims = all ? present : [chance.pick(present)];
    const kind = all || chance.hits(0.7) ? "power" : "process";
    for (const host of victims) {
      if (!host.isUp) continue;
      const lost = host.crash(kind);
      this.#world.totals.crashes += 1;
      if (lost) this.#world.totals.crashesWithUnsyncedLoss += 1;
      this.#world.trace.note(`${host.id} crashes (${kind}${lost ? ", unsynced data lost" : ""})`);
      this.#world.loop.after(chance.between(100, 6_000), () => {
        if (host.isUp) return;
        this.#world.trace.note(`${host.id} starts again`);
        this.#world.totals.restarts += 1;
        host.start();
      });
    }
  }
}
