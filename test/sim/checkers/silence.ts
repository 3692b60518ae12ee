/** R16, R20: who gives whom up. */
import type { SimProcess } from "../host.ts";

/** Clocks that began at different times round the same time differently (seed 70000728). */
const ROUNDING_MS = 0.001;

/** Whether a node that heard a scheduler last at `heardMs`, by its own clock, has given it up: it was silent for a lease. */
export function isSilent(process: SimProcess, heardMs: number): boolean {
  const silentMs = process.host.clock.nowMs() - heardMs;
  return silentMs >= process.host.options.options.executor.leaseMs - ROUNDING_MS;
}
