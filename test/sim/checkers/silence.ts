/** R16, R20: who gives whom up. */
import type { SimProcess } from "../host.ts";
import type { World } from "../world.ts";

/** Whether a node that heard a scheduler last at `heardMs` has given it up: it was silent for a lease. */
export function isSilent(world: World, process: SimProcess, heardMs: number): boolean {
  return world.loop.nowMs() - heardMs >= process.host.options.options.executor.leaseMs;
}
