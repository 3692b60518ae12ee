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

/** Between two looks at whether the version is raised. */
const LOOK_MS = 200;

export interface UpgradeOptions {
  readonly world: World;
  /** Newcomers are added. */
  readonly hosts: readonly SimHost[];
  /** The version that is committed. */
  readonly version: () => number;
}

export class Upgrade {
  readonly #options: UpgradeOptions;
  readonly #chance: Chance;
  #newest: VersionRange = PROGRAMS.first;
  #busy: string | undefined;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#chance = options.world.chance("upgrade");
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
      this.#install(host, PROGRAMS.next);
      if (this.#chance.hits(old.length === 1 ? BACK_RATIO.last : BACK_RATIO.one))
        await this.#goBack(host);
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
