/** Tells who asks what changes in a workflow's tree of files, as it happens (R24). */

import type { NodeId } from "../scheduler/dataset.ts";
import type { Effect } from "../scheduler/effects.ts";
import type { Answer } from "../scheduler/rows.ts";
import type { Clock, Timers } from "../std/clock.ts";
import { Waiters } from "../std/waiters.ts";
import type { Call, CallAnswer } from "./ports.ts";
import { TREE_LEASE_MS, TreeLeases } from "./tree-leases.ts";
import { TreeLog } from "./tree-log.ts";

/** Questions that wait at once; more are answered as if their time were over. */
const WAITS_MAX = 10_000;

/** What it needs of the group's replica here. */
export interface WatchedReplica {
  readonly leadingTerm: number | undefined;
  readonly leaderNode: NodeId | undefined;
  linearize(): Promise<void>;
}

type ChangesCall = Extract<Call, { readonly kind: "tree-changes" }>;

export class TreeWatch {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #replica: WatchedReplica;
  readonly #log: TreeLog;
  readonly #leases: TreeLeases;
  readonly #waiting: Waiters;
  #isToWake = false;

  constructor(
    { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
    replica: WatchedReplica & { readonly appliedIndex: number },
  ) {
    this.#clock = clock;
    this.#timers = timers;
    this.#waiting = new Waiters(timers, { max: WAITS_MAX });
    this.#replica = replica;
    this.#log = new TreeLog(replica.appliedIndex);
    this.#leases = new TreeLeases(clock, timers);
  }

  /** Takes what applying some entries has led to; on every replica. */
  applied(
    effects: readonly Effect[],
    places: { readonly firstIndex: number; readonly lastIndex: number },
  ): void {
    if (!this.#log.take(effects, places) || this.#isToWake) return;
    // A moment later, when the commands are answered: then it is known who had them made.
    this.#isToWake = true;
    this.#timers.after(0, () => {
      this.#isToWake = false;
      this.#waiting.wake();
    });
  }

  /** This node begins to lead; `hadLeader` unless the group was just made. */
  leads(hadLeader: boolean): void {
    this.#leases.begin(hadLeader);
  }

  follows(): void {
    this.#leases.end();
    this.#waiting.wake();
  }

  /** Answers when there is something, or after the call's `waitMs`; where another node leads, at once. */
  async serve(call: ChangesCall): Promise<CallAnswer> {
    const replica = this.#replica;
    if (!leads(replica)) return notScheduler(replica);
    // A leader that was replaced must renew nobody's lease.
    await replica.linearize();
    const { limit, waitMs, mount: reader, ends } = call;
    const after = call.after ?? this.#log.now;
    if (reader !== undefined && ends) this.#leases.left(reader);
    const isHeld = reader !== undefined && !ends && this.#leases.heard(reader, after);
    const untilMs = this.#clock.nowMs() + waitMs;
    for (;;) {
      if (!leads(replica)) return notScheduler(replica);
      const page = this.#log.page({ after, limit, reader });
      const leftMs = untilMs - this.#clock.nowMs();
      if (page.changes.length > 0 || page.resync || leftMs <= 0) {
        return { kind: "tree-changes", ...page, leaseMs: isHeld ? TREE_LEASE_MS : 0 };
      }
      await this.#waiting.wait(leftMs);
    }
  }

  /** Resolves when what a command has changed is known to all mounts but the one that had it made. */
  async settled(
    answer: Answer,
    call:
      | { readonly kind: "command" }
      | {
          readonly kind: "mount-command" | "told-command";
          readonly mount: string | undefined;
        },
  ): Promise<void> {
    const by = call.kind === "command" ? undefined : call.mount;
    if (answer.kind !== "inode" || !this.#log.madeBy(answer.revision, by)) return;
    await this.#leases.settled(answer.revision, by);
  }
}

function leads({ leadingTerm }: WatchedReplica): boolean {
  return leadingTerm !== undefined;
}

function notScheduler({ leaderNode }: WatchedReplica): CallAnswer {
  return { kind: "not-scheduler", leader: leaderNode };
}
