/** R1: a leader whose disk makes no progress for several election timeouts does not lead any more. */
import type { NodeStore } from "../../../src/node/node-store.ts";
import type { SimProcess } from "../host.ts";
import { promise, type World } from "../world.ts";

/** As the program has it, in election timeouts. */
const STALL_TIMEOUTS = 3;

/** The tick in which a write begins does not count, and the last one may be about to come. */
const TICKS_MORE = 2;

interface Pending {
  readonly sinceMs: number;
  readonly led: boolean;
}

export class HungLeaderChecker {
  readonly #world: World;
  /** Groups with a write into the log under way. */
  readonly #pending = new WeakMap<SimProcess, Map<number, Pending>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Looks over the shoulder of a store that was just opened. */
  watch(process: SimProcess, store: NodeStore): void {
    const pending = new Map<number, Pending>();
    this.#pending.set(process, pending);
    const append = store.append.bind(store);
    store.append = async (tasks) => {
      const sinceMs = process.host.clock.nowMs();
      for (const { group } of tasks) pending.set(group, { sinceMs, led: leads(process, group) });
      await append(tasks);
      for (const { group } of tasks) pending.delete(group);
    };
  }

  /** Called at the end of a time in which the disk stood still. */
  check(process: SimProcess): void {
    const { tickMs, electionTicks } = process.host.options.options;
    const limitMs = (STALL_TIMEOUTS * electionTicks + TICKS_MORE) * tickMs;
    for (const [group, { sinceMs, led }] of this.#pending.get(process) ?? []) {
      const stoodMs = process.host.clock.nowMs() - sinceMs;
      if (stoodMs < limitMs || process.wasPausedSince(sinceMs)) continue;
      promise(
        !leads(process, group),
        () => `R1: ${process.id} leads group ${group} and has written nothing for ${stoodMs} ms`,
      );
      if (led) this.#world.totals.hungLeadersDeposed += 1;
    }
  }
}

function leads(process: SimProcess, group: number): boolean {
  return process.node?.host.replica(group)?.core.role === "leader";
}
