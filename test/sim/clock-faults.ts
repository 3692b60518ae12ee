/**
 * What is wrong with the clocks of machines. Monotonic ones drift, each as its quartz does, and one now and
 * then by far more. Dates are off by as much as people overlook, one of them by hours; and they are set
 * while the cluster runs, forward and back: by a little, to another time altogether, or right again.
 */
import { Chance } from "./chance.ts";
import type { SimHost } from "./host.ts";
import { HostClock } from "./host-clock.ts";
import type { SimLoop } from "./loop.ts";
import type { Plan } from "./plan.ts";
import type { World } from "./world.ts";

/** What people overlook. */
const CLOCK_OFF_MS = 5_000;

/** How wrong the clock of one node may be. */
const CLOCK_WRONG_MS = 2 * 3_600_000;

/** A clock that is set wrong is off by this at least: seconds, or minutes, or hours. */
const STEP_MS_MIN = 10_000;

/** How fast or slow monotonic clocks are, as a part of the time: most, and in some seeds one of them. */
const DRIFT = 0.005;
const DRIFT_STRONG = 0.05;
const STRONG_RATIO = 0.5;

/** Between two clocks that are set. */
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 10_000;

/** The clocks of a seed's host. `chance` is its own. */
export function drawClock(plan: Plan, index: number, loop: SimLoop, chance: Chance): HostClock {
  const skewed = plan.faults.has("clock");
  const wrongMs = skewed && index === 1 ? chance.between(-CLOCK_WRONG_MS, CLOCK_WRONG_MS) : 0;
  return new HostClock({
    loop,
    offsetMs: chance.between(0, 1_000_000),
    wallErrorMs: skewed ? wrongMs + chance.between(-CLOCK_OFF_MS, CLOCK_OFF_MS) : 0,
    rate: skewed ? rateOf(plan, index) : 1,
  });
}

function rateOf({ seed, nodeCount }: Plan, index: number): number {
  const all = Chance.of(seed, "drift");
  const strong = all.hits(STRONG_RATIO) ? all.whole(0, nodeCount - 1) : undefined;
  const drift = index === strong ? DRIFT_STRONG : DRIFT;
  return 1 + Chance.of(seed, `drift ${index}`).between(-drift, drift);
}

export class ClockFaults {
  readonly #options: ConstructorParameters<typeof ClockFaults>[0];
  readonly #chance: Chance;

  constructor(options: {
    readonly world: World;
    readonly plan: Plan;
    readonly hosts: readonly SimHost[];
    /** Whether there are workflows, and each group has three voters: then one of them may be wrong. */
    readonly hasThreeVoters: () => boolean;
  }) {
    this.#options = options;
    this.#chance = options.world.chance("clock steps");
  }

  start(): void {
    const { world, plan } = this.#options;
    if (plan.faults.has("clock")) world.loop.after(plan.faultsFromMs, () => this.#next());
  }

  #next(): void {
    const { world, plan, hosts } = this.#options;
    const chance = this.#chance;
    if (world.loop.nowMs() >= plan.faultsToMs) return;
    const present = hosts.filter(({ isInService }) => isInService);
    const wrong = present.filter(isWrong);
    const right = present.filter((host) => !isWrong(host));
    const way = chance.pick(["little", "right", "wrong", "wrong"] as const);
    const among = way === "right" ? wrong : right;
    // Of three clocks one may be wrong: the median is right then (R14).
    const mayBeWrong = way !== "wrong" || (wrong.length === 0 && this.#options.hasThreeVoters());
    if (among.length > 0 && mayBeWrong) {
      const errorMs =
        way === "wrong" ? this.#wrongMs() : chance.between(-CLOCK_OFF_MS, CLOCK_OFF_MS);
      this.#set(chance.pick(among), errorMs);
    }
    world.loop.after(chance.between(PAUSE_MS_MIN, PAUSE_MS_MAX), () => this.#next());
  }

  /** Seconds as often as hours. */
  #wrongMs(): number {
    const chance = this.#chance;
    const ms = STEP_MS_MIN * (CLOCK_WRONG_MS / STEP_MS_MIN) ** chance.next();
    return chance.pick([-1, 1]) * ms;
  }

  #set({ id, clock }: SimHost, errorMs: number): void {
    const { world } = this.#options;
    const byMs = errorMs - clock.wallErrorMs;
    world.trace.note(`the date of ${id} is set by ${(byMs / 1_000).toFixed(3)} s`);
    world.totals.clockSteps += 1;
    clock.setWallError(errorMs);
  }
}

function isWrong({ clock }: SimHost): boolean {
  return Math.abs(clock.wallErrorMs) > CLOCK_OFF_MS;
}
