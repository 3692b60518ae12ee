/**
 * Who runs the cluster replaces machines: removes living, dead and wiped nodes for ever, one after the
 * other, and has new ones join in their place. A removed node may run on, or come back, without knowing.
 */

import type { ClusterNode } from "../../src/actors/cluster-node.ts";
import { SYSTEM_GROUP } from "../../src/actors/system-group.ts";
import { ClusterAdmin } from "../../src/node/cluster-admin.ts";
import { accepted } from "../../src/node/cluster-errors.ts";
import { Deadline } from "../../src/std/deadline.ts";
import { isJobxError } from "../../src/std/errors.ts";
import type { Chance } from "./chance.ts";
import { Asker } from "./client.ts";
import type { SimHost } from "./host.ts";
import type { World } from "./world.ts";

/** Between two replacements, at most. */
const BETWEEN_MS_MAX = 12_000;

/** A cluster is never smaller. */
const NODES_MIN = 3;

/** How often it is tried to find a moment in which a machine may die for good. */
const DEATH_TRIES_MAX = 20;
const DEATH_PAUSE_MS = 250;

/** Between two looks at how far a removal has come. */
const LOOK_MS = 200;

/** One question to a node. */
const ASK_MS = 5_000;

/** How long a removed node that does not know it runs on, or runs again. */
const GHOST_MS_MAX = 30_000;

/** When one comes back that was dead: after it would have been told, and before all are gone. */
const FAREWELL_MS = 5_000;
const COMES_BACK_MS_MAX = 12_000;

export interface TurnoverOptions {
  readonly world: World;
  readonly hosts: readonly SimHost[];
  /** Nothing is begun from then on. */
  readonly endMs: number;
  /** A new machine, switched off. */
  readonly newcomer: () => SimHost;
  /** Resolves when the machine is a member and has started. */
  readonly join: (host: SimHost) => Promise<void>;
  /** Whether no group would lose what only this host has. */
  readonly mayLose: (host: SimHost) => boolean;
  /** Whether it is committed that the node is removed. */
  readonly isRemoved: (node: string) => boolean;
}

/** How a node is when its removal is asked for. */
type Way = "living" | "dead" | "wiped";

export class Turnover {
  readonly #options: TurnoverOptions;
  readonly #chance: Chance;
  readonly #asker: Asker;
  #busy: string | undefined;
  #leaving: SimHost | undefined;

  constructor(options: TurnoverOptions) {
    this.#options = options;
    this.#chance = options.world.chance("turnover");
    this.#asker = new Asker(options.world, options.hosts, "turnover");
  }

  /** What it has begun and not ended. */
  get busy(): string | undefined {
    return this.#busy;
  }

  /** Who is being removed: what only it has must be handed on, so it is not to be away for long. */
  get leaving(): SimHost | undefined {
    return this.#leaving;
  }

  /** Replaces one node after the other. */
  async run(): Promise<void> {
    const { world, endMs } = this.#options;
    for (;;) {
      await world.loop.sleep(this.#chance.between(0, BETWEEN_MS_MAX));
      if (world.loop.nowMs() >= endMs) return;
      const first = this.#present.length <= NODES_MIN || this.#chance.hits(0.5);
      if (first) await this.#add();
      const victims = this.#present.filter((host) => !this.#isTheOnlyOneKnown(host));
      if (victims.length > 0) await this.#remove(this.#chance.pick(victims));
      if (!first) await this.#add();
      this.#busy = undefined;
    }
  }

  get #present(): readonly SimHost[] {
    return this.#options.hosts.filter(({ isInService }) => isInService);
  }

  /**
   * Whether some node would know nobody without it. One that lost its store knows only what is written beside
   * it; when all those have left who were there when it last knew, nobody lets it in any more.
   */
  #isTheOnlyOneKnown(victim: SimHost): boolean {
    const stay = this.#present.filter((host) => host !== victim);
    return stay.some(
      ({ id, knownMembers }) =>
        !stay.some((other) => other.id !== id && knownMembers.includes(other.id)),
    );
  }

  async #add(): Promise<void> {
    const { newcomer, join, world } = this.#options;
    const host = newcomer();
    this.#busy = `${host.id} joins`;
    world.trace.note(`${host.id} is to join`);
    await join(host);
    world.totals.joins += 1;
  }

  async #remove(victim: SimHost): Promise<void> {
    const { world, isRemoved } = this.#options;
    this.#busy = `${victim.id} is being removed`;
    this.#leaving = victim;
    const way = await this.#prepare(victim, this.#chance.pick(["living", "dead", "wiped"]));
    world.trace.note(`${victim.id} is to be removed (${way})`);
    await this.#ask(victim);
    while (!isRemoved(victim.id)) await world.loop.sleep(LOOK_MS);
    if (way === "dead") world.totals.removalsOfDead += 1;
    if (way === "wiped") world.totals.removalsOfWiped += 1;
    victim.retire();
    this.#leaving = undefined;
    this.#haunt(victim);
  }

  /** Brings the victim into its state, if it can be afforded. */
  async #prepare(victim: SimHost, way: Way): Promise<Way> {
    const { world } = this.#options;
    if (way === "living" || !(await this.#mayDie(victim, way))) return "living";
    if (way === "dead") {
      victim.crash(this.#chance.hits(0.5) ? "power" : "process");
      victim.retire();
      world.trace.note(`${victim.id} dies for good`);
      return way;
    }
    victim.wipe();
    world.totals.wipes += 1;
    world.trace.note(`${victim.id} loses its store`);
    world.loop.after(this.#chance.between(100, 6_000), () => victim.start());
    return way;
  }

  async #mayDie(victim: SimHost, way: Way): Promise<boolean> {
    const { world, mayLose } = this.#options;
    for (let tries = 0; tries < DEATH_TRIES_MAX; tries++) {
      if (mayLose(victim) && (way === "wiped" || this.#hasNothingAlone(victim))) return true;
      await world.loop.sleep(DEATH_PAUSE_MS);
    }
    return false;
  }

  /** Whether each of its blocks is on another machine as well. */
  #hasNothingAlone(victim: SimHost): boolean {
    const others = this.#present.filter((host) => host !== victim);
    return victim.blocks.list().every((cid) => others.some(({ blocks }) => blocks.hasSynced(cid)));
  }

  /** By the program's own command, which refuses what would leave a group without a majority. */
  async #ask(victim: SimHost): Promise<void> {
    const { world } = this.#options;
    await this.#asker.until(async (node) => {
      try {
        await this.#adminOf(node).removeNode(victim.id, {
          deadline: new Deadline(world.loop, ASK_MS),
          signal: new AbortController().signal,
        });
        return true;
      } catch (error) {
        if (!isJobxError(error)) throw error;
        world.trace.note(`removal of ${victim.id} through ${node.self}: ${error.details.code}`);
        return undefined;
      }
    });
  }

  /** It may be dead, cut off, or about to hear of it; one that comes back late finds nobody who tells it. */
  #haunt(victim: SimHost): void {
    const { world } = this.#options;
    const delayMs = this.#chance.pick([0, this.#chance.between(FAREWELL_MS, COMES_BACK_MS_MAX)]);
    const comesBack = this.#chance.hits(0.6);
    world.loop.after(delayMs, () => {
      if (victim.isUp || !comesBack) return;
      world.trace.note(`${victim.id} comes back as a ghost`);
      victim.haunt();
      world.totals.ghosts += 1;
    });
    const endMs = delayMs + this.#chance.between(0, GHOST_MS_MAX);
    world.loop.after(endMs, () => victim.crash("process"));
  }

  /** The operators' commands at a node, as the program's API has them. */
  #adminOf(node: ClusterNode): ClusterAdmin {
    const process = this.#options.hosts.find(({ id }) => id === node.self)?.process;
    return new ClusterAdmin({
      node,
      isUp: (id) => id === node.self || process?.frames?.isUp(id) === true,
      fresh: () => Promise.resolve(),
      // Hashes are compared at every index by the checkers; no operator asks for them here.
      stateHash: () => undefined,
      writer: {
        system: async (command, deadline) => {
          const id = { kind: "entry", ...node.nextSequence(SYSTEM_GROUP) } as const;
          const call = { kind: "system-command", envelope: { id, command } } as const;
          return accepted(await node.router.ask(SYSTEM_GROUP, call, deadline.leftMs()));
        },
      },
    });
  }
}
