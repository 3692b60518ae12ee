/** Who runs the cluster: takes nodes out of service for a while and puts them back. */

import type { Answer } from "../../src/scheduler/rows.ts";
import type { SystemCommand } from "../../src/scheduler/system/commands.ts";
import type { Chance } from "./chance.ts";
import type { SimHost } from "./host.ts";
import type { World } from "./world.ts";

/** Between two nodes that are drained, and how long one stays so, at most. */
const BETWEEN_MS_MAX = 15_000;
const DRAINED_MS_MAX = 12_000;

export interface OperatorOptions {
  readonly world: World;
  readonly hosts: readonly SimHost[];
  /** No node is drained from then on. */
  readonly endMs: number;
  /** Repeats a command until the system group has answered it. */
  readonly command: (what: string, command: SystemCommand) => Promise<Answer>;
}

export class Operator {
  readonly #options: OperatorOptions;
  readonly #chance: Chance;
  #drained: string | undefined;

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#chance = options.world.chance("operator");
  }

  /** What it has still to put right. */
  get busy(): string | undefined {
    return this.#drained === undefined ? undefined : `${this.#drained} is drained`;
  }

  /** Drains one node after the other, and in the end none is drained. */
  async run(): Promise<void> {
    const { world, hosts, endMs } = this.#options;
    for (let turn = 1; ; turn++) {
      await world.loop.sleep(this.#chance.between(0, BETWEEN_MS_MAX));
      if (world.loop.nowMs() >= endMs) return;
      const { id: node } = this.#chance.pick(hosts.filter(({ isInService }) => isInService));
      this.#drained = node;
      await this.#drain(turn, node, true);
      world.totals.drains += 1;
      await world.loop.sleep(this.#chance.between(0, DRAINED_MS_MAX));
      await this.#drain(turn, node, false);
      this.#drained = undefined;
    }
  }

  async #drain(turn: number, node: string, drained: boolean): Promise<void> {
    const { world, command } = this.#options;
    const what = `${drained ? "drain" : "undrain"} ${node}`;
    // One that is being removed meanwhile is out of service for good, which is an answer as well.
    const answer = await command(`${what} ${turn}`, { kind: "drain-node", node, drained });
    world.trace.note(`the operator: ${what} ${answer.kind}`);
  }
}
