/** R16, R20: who gives whom up. */
import type { SimProcess } from "../host.ts";
import type { World } from "../world.ts";

/** Clocks that began at different times round the same time differently (seed 70000728). */
const ROUNDING_MS = 0.001;

/** Whether a node that heard a scheduler last at `heardMs` has given it up: it was silent for a lease. */
export function isSilent(world: World, process: SimProcess, heardMs: number): boolean {
  const silentMs = world.loop.nowMs() - heardMs;
  return silentMs >= process.host.options.options.executor.leaseMs - ROUNDING_MS;
}
