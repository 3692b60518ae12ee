/** A leader's dispatcher over a real state machine. */

import type { SchedulerCommand } from "../../src/scheduler/commands.ts";
import { Dispatcher, type DispatcherStart } from "../../src/scheduler/dispatcher.ts";
import { capabilityOfQueueKey, dueMsOfDelayedKey, prefixes } from "../../src/scheduler/keys.ts";
import type { QueueRow } from "../../src/scheduler/rows.ts";
import type { Token } from "../../src/scheduler/unit.ts";
import { SchedulerKit } from "./scheduler-kit.ts";
import { mapped } from "./scheduler-values.ts";

/** Of all leaders here. */
export const OPTIONS = { leaseMs: 1000, arrivalMs: 300, grantsMax: 100 };
/** What executors ask for. */
export const PREFETCH_MS = 50;
/** Of their workflows. */
export const STEPS = [{ name: "top" }, { name: "low" }];

/** What a new leader reads from the rows. */
function startOf(kit: SchedulerKit): DispatcherStart {
  const byCapability = new Map<string, (readonly [string, QueueRow])[]>();
  for (const [key, row] of kit.queue()) {
    const rows = byCapability.get(capabilityOfQueueKey(key)) ?? [];
    byCapability.set(capabilityOfQueueKey(key), [...rows, [key, row]]);
  }
  return {
    queues: [...byCapability].map(([capability, rows]) => ({ capability, rows, complete: true })),
    attempts: kit.attempts().map(({ token, attempt }) => [token, attempt]),
    delayed: kit.scan(prefixes.delayed).map(([key]) => ({ key, dueMs: dueMsOfDelayedKey(key) })),
    delayedComplete: true,
  };
}

/** The dispatcher, and rows that change as it proposes. */
export class Leader {
  readonly kit: SchedulerKit;
  dispatcher: Dispatcher;
  nowMs = 0;
  readonly #sequences = new Map<string, number>();

  constructor(kit: SchedulerKit) {
    this.kit = kit;
    this.dispatcher = new Dispatcher(OPTIONS, startOf(kit), 0);
  }

  beat(
    node: string,
    limit: number,
    more: {
      readonly holding?: readonly Token[];
      readonly run?: string;
      readonly sequence?: number;
      readonly capabilities?: readonly string[];
      readonly slots?: number;
      readonly prefetchMs?: number;
      readonly aheadMs?: number;
      readonly leaving?: boolean;
    } = {},
  ): readonly SchedulerCommand[] {
    const {
      holding = this.held(node),
      run = `run of ${node}`,
      capabilities = [],
      slots = limit,
      prefetchMs = PREFETCH_MS,
      aheadMs = slots * prefetchMs,
      leaving = false,
    } = more;
    const sequence = more.sequence ?? (this.#sequences.get(node) ?? 0) + 1;
    this.#sequences.set(node, sequence);
    const said = {
      kind: "beat",
      group: 7,
      executor: run,
      sequence,
      capabilities,
      slots,
      prefetchMs,
      aheadMs,
      limit,
      holding,
      leaving,
    };
    return this.dispatcher.beat(node, { ...said, kind: "beat" }, this.nowMs);
  }

  held(node: string): readonly Token[] {
    return this.kit
      .attempts()
      .filter(({ attempt }) => attempt.node === node)
      .map(({ token }) => token);
  }

  decide(mayGrant = true): readonly SchedulerCommand[] {
    return this.dispatcher.decide(this.nowMs, this.kit.stampMs, mayGrant);
  }

  commit(commands: readonly SchedulerCommand[]): void {
    const said = this.kit.said(() => {
      if (commands.length === 0) return;
      this.kit.apply(commands.map((command) => ({ id: { kind: "none" }, command })));
    });
    this.dispatcher.apply(said, this.nowMs);
  }

  /** Something that clients or executors did. */
  act(run: () => void): void {
    this.dispatcher.apply(this.kit.said(run), this.nowMs);
  }

  reload(): void {
    const made = new Dispatcher(OPTIONS, startOf(this.kit), this.nowMs);
    made.adopt(this.dispatcher);
    this.dispatcher = made;
  }
}

/** A leader with one request whose root has mapped to so many children. */
export function leaderWith(children: number): Leader {
  const kit = SchedulerKit.withSteps(STEPS);
  kit.submit();
  kit.next(mapped("low", children));
  return new Leader(kit);
}
