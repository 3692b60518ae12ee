/**
 * Beyond what can be survived: a majority of the voters of a group lose their stores, or what is on them is
 * not what was written. Nobody is promised that the group goes on; only that nothing it says is wrong.
 */
import type { Chance } from "./chance.ts";
import type { SimHost } from "./host.ts";
import type { Plan } from "./plan.ts";
import type { World } from "./world.ts";

/** When it comes to that for the first time, if the workflows are there: something is to be lost by then. */
const BEGIN_MS_MIN = 10_000;
const BEGIN_MS_MAX = 40_000;

/** Between two groups. */
const BETWEEN_MS_MIN = 5_000;
const BETWEEN_MS_MAX = 25_000;

/** Between the first voter of a group that is hit and the last one, and how long each is away. */
const SPREAD_MS_MAX = 3_000;
const OFF_MS_MAX = 4_000;

/** While there is nobody to hit. */
const LOOK_MS = 500;

/** Records that rot on one machine: of more one is nearly always such that the whole store is set aside. */
const RECORDS = 2;

export interface BeyondFaultsOptions {
  readonly world: World;
  readonly plan: Plan;
  /** Hosts of the voters of some group, more than half of them; undefined while that is not known. */
  readonly majority: (chance: Chance) => readonly SimHost[] | undefined;
}

export class BeyondFaults {
  readonly #options: BeyondFaultsOptions;
  readonly #chance: Chance;

  constructor(options: BeyondFaultsOptions) {
    this.#options = options;
    this.#chance = options.world.chance("beyond faults");
  }

  start(): void {
    const { world, plan } = this.#options;
    if (!plan.beyond) return;
    world.loop.after(this.#chance.between(BEGIN_MS_MIN, BEGIN_MS_MAX), () => this.#next());
  }

  #next(): void {
    const { world, plan, majority } = this.#options;
    const chance = this.#chance;
    if (world.loop.nowMs() + SPREAD_MS_MAX >= plan.faultsToMs) return;
    const hosts = majority(chance);
    if (hosts === undefined) {
      world.loop.after(LOOK_MS, () => this.#next());
      return;
    }
    world.totals.beyondBudget += 1;
    world.trace.note(`beyond the budget: ${hosts.map(({ id }) => id).join()}`);
    const spreadMs = chance.pick([0, SPREAD_MS_MAX]);
    for (const host of hosts) {
      world.loop.after(chance.between(0, spreadMs), () => this.#hit(host));
    }
    world.loop.after(chance.between(BETWEEN_MS_MIN, BETWEEN_MS_MAX), () => this.#next());
  }

  #hit(host: SimHost): void {
    const { world } = this.#options;
    const chance = this.#chance;
    if (!host.isInService) return;
    const way = chance.pick(["wipe", "lie", "rot"] as const);
    world.trace.note(`${host.id} is hit beyond the budget (${way}): ${this.#damage(host, way)}`);
    world.loop.after(chance.between(100, OFF_MS_MAX), () => {
      world.trace.note(`${host.id} starts again`);
      host.start();
    });
  }

  /** What is opened at that moment may have been read before it rots; so nothing runs then. */
  #damage(host: SimHost, way: "wipe" | "lie" | "rot"): string {
    const { world } = this.#options;
    const chance = this.#chance;
    const { storeId } = host;
    if (way === "wipe" || storeId === undefined) {
      host.wipe();
      world.totals.wipes += 1;
      return "its store";
    }
    if (way === "lie") {
      const lost = host.crashLying(chance);
      if (lost !== undefined) return lost;
    }
    host.crash("process");
    const hit = Array.from({ length: RECORDS }, () => host.rot.flip(storeId, chance));
    world.totals.recordsFlipped += hit.filter((one) => one !== undefined).length;
    return hit.join();
  }
}
