/** The workers of the data plane's thread. */
import { join } from "node:path";
import { WorkerPool } from "../../handlers/pool.ts";
import type { Clock, Timers } from "../../std/clock.ts";
import type { OpenMessage } from "./messages.ts";

/** A pool for what a thread is opened with; its workers have a directory for each generation. */
export function poolOf(options: OpenMessage, machine: Clock & Timers): WorkerPool {
  const { directory, generation, slots, self } = options;
  return new WorkerPool({
    directory: join(directory, "workers", `${generation}`),
    clock: machine,
    timers: machine,
    // Units never hold more than two for each slot, and the spare one, so that a check does not wait for them.
    workersMax: 2 * (slots + 1) + 1,
    memoryBytes: options.handlerMemoryBytes,
    machine: options.machine,
    // What an earlier thread or run of this node has left is found by its name.
    owner: self,
    hidden: [directory],
    containers: options.containers,
  });
}
