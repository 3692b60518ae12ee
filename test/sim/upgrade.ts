/**
 * Who runs the cluster installs another program, node by node, and now and then the one before again. When
 * all have the new one the cluster goes up by one version, whatever else happens meanwhile.
 */
import { SUPPORTED_VERSIONS, type VersionRange } from "../../src/scheduler/system/version-range.ts";
import type { Chance } from "./chance.ts";
import type { SimHost } from "./host.ts";
import { LATER_VERSION } from "./later.ts";
import type { World } from "./world.ts";

/** The program that all begin with, the next one, and the one after that, which gives the earlier versions up. */
export const PROGRAMS = {
  first: SUPPORTED_VERSIONS,
  next: { min: SUPPORTED_VERSIONS.min, max: LATER_VERSION },
  last: { min: LATER_VERSION, max: LATER_VERSION },
} as const satisfies Record<string, VersionRange>;

/** When the first node gets the next program, at the latest. */
const BEGIN_MS_MAX = 20_000;

/** Between two nodes. */
const BETWEEN_MS_MAX = 4_000;

/** How long installing takes. */
const INSTALL_MS_MIN = 100;
const INSTALL_MS_MAX = 1_500;

/** Chance that a node goes back to the program that it had, of the last one mostly too late; and how soon. */
const BACK_RATIO = { one: 0.3, last: 0.8 } as const;
const BACK_MS_MAX = 3_000;

/** How long it has that one. */
const BACK_FOR_MS_MAX = 4_000;

/** Chance that another node is switched off while the last one gets the next program, and comes back with the first. */
const LATE_RATIO = 0.6;

/** How long it waits for the version to be raised. */
const LATE_MS_MAX = 15_000;

/** And how much longer then, while others use what that brings. */
const LATE_BY_MS_MIN = 500;
const LATE_BY_MS_MAX = 4_000;

/** How long it has the first program: until it knows better, mostly. */
const LATE_FOR_MS_MIN = 2_500;
const LATE_FOR_MS_MAX = 6_000;

/** Between two looks at whether the version is raised. */
const LOOK_MS = 200;

export interface UpgradeOptions {
  readonly world: World;
  /** Newcomers are added. */
  readonly hosts: readonly SimHost[];
  /** The version that is committed. */
  readonly version: () => number;
  /** What a node's program supports, as it is committed. */
  readonly announced: (node: string) => VersionRange | undefined;
}

export class Upgrade {
  readonly #options: UpgradeOptions;
  readonly #chance: Chance;
  /** Of who comes too late. */
  readonly #lateness: Chance;
  #newest: VersionRange = PROGRAMS.first;
  #busy: string | undefined;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#chance = options.world.chance("upgrade");
    this.#lateness = options.world.chance("too late");
  }

  /** What a new machine gets. */
  get newest(): VersionRange {
    return this.#newest;
  }

  /** What it has begun and not ended. */
  get busy(): string | undefined {
    return this.#busy;
  }

  async run(): Promise<void> {
    const { world, hosts, version } = this.#options;
    const { loop } = world;
    this.#busy = "an upgrade is to begin";
    await loop.sleep(this.#chance.between(0, BEGIN_MS_MAX));
    this.#newest = PROGRAMS.next;
    for (const host of hosts) if (!host.wasStarted) host.versions = this.#newest;
    for (let old = this.#old; old.length > 0; old = this.#old) {
      const host = this.#chance.pick(old);
      this.#busy = `${host.id} gets the next program`;
      const late = old.length === 1 ? this.#putAside(host) : undefined;
      this.#install(host, PROGRAMS.next);
      if (this.#chance.hits(old.length === 1 ? BACK_RATIO.last : BACK_RATIO.one))
        await this.#goBack(host);
      if (late !== undefined) await this.#comeTooLate(late);
      await loop.sleep(this.#chance.between(0, BETWEEN_MS_MAX));
    }
    this.#busy = `version ${LATER_VERSION} is to be raised`;
    while (version() < LATER_VERSION) await loop.sleep(LOOK_MS);
    // Of one that is behind the disk may say that the version is the first one still.
    const last = this.#inService;
    if (last.length > 0) this.#install(this.#chance.pick(last), PROGRAMS.last);
    this.#busy = undefined;
  }

  /** It gets the first program again, perhaps after the version was raised. */
  async #goBack(host: SimHost): Promise<void> {
    const { loop } = this.#options.world;
    await loop.sleep(this.#chance.between(0, BACK_MS_MAX));
    if (!host.isInService) return;
    this.#install(host, PROGRAMS.first);
    await loop.sleep(this.#chance.between(0, BACK_FOR_MS_MAX));
    this.#install(host, PROGRAMS.next);
  }

  /** Switches another node off, which has said that it supports the next version. */
  #putAside(last: SimHost): SimHost | undefined {
    const { announced } = this.#options;
    const others = this.#inService.filter(
      (host) => host !== last && host.isUp && announced(host.id)?.max === LATER_VERSION,
    );
    if (others.length === 0 || !this.#lateness.hits(LATE_RATIO)) return undefined;
    const host = this.#lateness.pick(others);
    this.#options.world.trace.note(`${host.id} is put aside`);
    host.crash("process");
    return host;
  }

  /** The version was raised without it, so that nothing on its disk says that the first program does not fit. */
  async #comeTooLate(host: SimHost): Promise<void> {
    const { world, version } = this.#options;
    const { loop } = world;
    const endMs = loop.nowMs() + LATE_MS_MAX;
    while (version() < LATER_VERSION && loop.nowMs() < endMs) await loop.sleep(LOOK_MS);
    await loop.sleep(this.#lateness.between(LATE_BY_MS_MIN, LATE_BY_MS_MAX));
    if (!host.isInService) return;
    this.#install(host, PROGRAMS.first);
    await loop.sleep(this.#lateness.between(LATE_FOR_MS_MIN, LATE_FOR_MS_MAX));
    this.#install(host, PROGRAMS.next);
  }

  get #inService(): readonly SimHost[] {
    return this.#options.hosts.filter(({ isInService }) => isInService);
  }

  /** Those that have the first program still; a machine that was given up keeps it. */
  get #old(): readonly SimHost[] {
    return this.#inService.filter(({ versions }) => versions.max < LATER_VERSION);
  }

  /** Ends the process, if there is one, and starts it again as the other program. */
  #install(host: SimHost, program: VersionRange): void {
    const { world } = this.#options;
    host.crash("process");
    host.versions = program;
    world.totals.programsChanged += 1;
    world.trace.note(`${host.id} gets the program of ${program.min} to ${program.max}`);
    world.loop.after(this.#chance.between(INSTALL_MS_MIN, INSTALL_MS_MAX), () => host.start());
  }
}
