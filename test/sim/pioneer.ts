/**
 * Who uses what the next program brings as soon as a node has it, whether the cluster is ready for that or
 * not: a node must refuse until the version is raised, and take it then.
 */
import { isJobxError } from "../../src/std/errors.ts";
import type { Chance } from "./chance.ts";
import { Asker, type SimWorkflow } from "./client.ts";
import type { SimHost } from "./host.ts";
import { LATER_VERSION, markCall } from "./later.ts";
import type { World } from "./world.ts";

/** Between two tries. */
const BETWEEN_MS_MIN = 50;
const BETWEEN_MS_MAX = 700;

/** A node is given so long. */
const ASK_MS = 3_000;

export interface PioneerOptions {
  readonly world: World;
  /** Newcomers are added. */
  readonly hosts: readonly SimHost[];
  /** More may come. */
  readonly workflows: readonly SimWorkflow[];
  /** It stops then, once one of its commands was acknowledged. */
  readonly endMs: number;
  /** One of its commands was acknowledged. */
  readonly acknowledged: (group: number) => void;
}

export class Pioneer {
  readonly #options: PioneerOptions;
  readonly #chance: Chance;
  readonly #asker: Asker;
  #count = 0;

  constructor(options: PioneerOptions) {
    const { world, hosts } = options;
    this.#options = options;
    this.#chance = world.chance("pioneer");
    this.#asker = new Asker(world, hosts, "pioneer", ({ process }) => hasNextProgram(process));
  }

  /** What has still to come. */
  get busy(): string | undefined {
    return this.#count > 0 ? undefined : `nobody has used what version ${LATER_VERSION} brings`;
  }

  async run(): Promise<void> {
    const { world, workflows, endMs } = this.#options;
    const { loop } = world;
    for (let turn = 1; this.#count === 0 || loop.nowMs() < endMs; turn++) {
      await loop.sleep(this.#chance.between(BETWEEN_MS_MIN, BETWEEN_MS_MAX));
      await this.#try(this.#chance.pick(workflows).group, `mark ${turn}`);
    }
  }

  async #try(group: number, name: string): Promise<void> {
    const { world, acknowledged } = this.#options;
    const isDone = await this.#asker.once(async (node) => {
      try {
        await node.router.ask(group, markCall(group, name), ASK_MS);
        return true;
      } catch (error) {
        const isEarly = isJobxError(error) && error.code === "CLUSTER_VERSION_TOO_LOW";
        if (isEarly) world.totals.laterRefused += 1;
        return undefined;
      }
    });
    if (isDone !== true) return;
    this.#count += 1;
    acknowledged(group);
  }
}

function hasNextProgram(process: SimHost["process"]): boolean {
  return process !== undefined && process.versions.max >= LATER_VERSION;
}
