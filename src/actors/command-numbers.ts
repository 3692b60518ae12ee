/** R15: names for the commands that enter the cluster at this node. */
import type { CommandId } from "../scheduler/commands.ts";
import type { NodeId } from "../scheduler/dataset.ts";

/** As in a command's id: where it entered, that node's run, and a number that rises by one. */
export type CommandNumber = Omit<Extract<CommandId, { kind: "entry" }>, "kind">;

export class CommandNumbers {
  readonly #node: NodeId;
  readonly #boot: number;
  /** The last number given, by group: a group forgets answers by counting its own. */
  readonly #last = new Map<number, number>();

  /** `boot` rises with each run of the process. */
  constructor(node: NodeId, boot: number) {
    this.#node = node;
    this.#boot = boot;
  }

  /** For the next command to a group. */
  next(group: number): CommandNumber {
    const sequence = (this.#last.get(group) ?? 0) + 1;
    this.#last.set(group, sequence);
    return { node: this.#node, boot: this.#boot, sequence };
  }
}
