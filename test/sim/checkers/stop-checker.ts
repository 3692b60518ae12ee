/**
 * No replica stops, but those whose disk gave them a reason; and R4: who has stopped neither votes nor
 * leads, nor says anything else.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import type { SimProcess } from "../host.ts";
import { promise, Violation, type World } from "../world.ts";

export class StopChecker {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Something happened in a process. @throws {Violation} when a replica stopped without a reason. */
  look(process: SimProcess): void {
    for (const [group, reason] of process.node?.stoppedReplicas ?? []) {
      promise(
        process.host.storage.explainsStop(reason),
        () => `${process.id} stopped its replica of group ${group}: ${reason}`,
      );
    }
  }

  /** A process says something. */
  said({ id, node }: SimProcess, message: PeerMessage): void {
    if (message.kind !== "raft" || node === undefined || node.stoppedReplicas.size === 0) return;
    const speaks = message.items.find(({ group }) => node.stoppedReplicas.has(group));
    if (speaks === undefined) return;
    this.#world.violate(
      new Violation(`${id} speaks for its replica of group ${speaks.group}, which has stopped`),
    );
  }
}
