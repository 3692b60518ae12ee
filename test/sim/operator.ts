/** Who runs the cluster: takes nodes out of service for a while and puts them back. */
import type { SystemCommand } from "../../src/scheduler/system/commands.ts";
import type { Chance } from "./chance.ts";
import type { World } from "./world.ts";

/** Between two nodes that are drained, and how long one stays so, at most. */
const BETWEEN_MS_MAX = 15_000;
const DRAINED_MS_MAX = 12_000;

export interface OperatorOptions {
  readonly world: World;
  readonly nodes: readonly string[];
  /** No node is drained from then on. */
  readonly endMs: number;
  /** Repeats a command until the system group has answered it. */
  readonly command: (what: string, command: SystemCommand) => Promise<unknown>;
}

export class Operator {
  readonly #options: OperatorOptions;
  readonly #chance: Chance;
  #drained: string | undefined;

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#chance = options.world.chance("operator");
  }

  /** The node that is out of service at present. */
  get drained(): string | undefined {
    return this.#drained;
  }

  /** Drains one node after the other, and in the end none is drained. */
  async run(): Promise<void> {
    const { world, nodes, endMs } = this.#options;
    for (let turn = 1; ; turn++) {
      await world.loop.sleep(this.#chance.between(0, BETWEEN_MS_MAX));
      if (world.loop.nowMs() >= endMs) return;
      const node = this.#chance.pick(nodes);
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
    await command(`${what} ${turn}`, { kind: "drain-node", node, drained });
    world.trace.note(`the operator: ${what}`);
  }
}
