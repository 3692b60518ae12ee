/**
 * Hands on what this node leads while it had rather not lead: it is stopping, or is to be drained. It
 * goes on leading what nobody else can: a group that works badly is better than one that stands still.
 */
import type { RaftStatus } from "../raft/status.ts";
import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { AnyReplica } from "./group-host.ts";
import { nodeOf } from "./membership.ts";

/** Between two looks at what this node leads: also after others' elections fell on it again. */
const LOOK_MS = 500;

/** Between two looks of somebody who waits for the end of it. */
const WAIT_MS = 50;

export interface LeadershipDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly replicas: () => Iterable<Pick<AnyReplica, "group" | "core" | "membership">>;
  /** Whether the node can be reached and may lead: it is neither drained nor leaving. */
  readonly mayLead: (node: NodeId) => boolean;
  readonly self: NodeId;
  readonly wake: (group: number) => void;
}

export class Leadership {
  readonly #deps: LeadershipDeps;
  #timer: Timer | undefined;
  #leaving = false;

  constructor(deps: LeadershipDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      const { self, mayLead } = this.#deps;
      if (this.#leaving || !mayLead(self)) this.#transferAll();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** From now on leads only what nobody else can; waits until that is so, or for `waitMs`. */
  async handOver(waitMs: number): Promise<void> {
    const { clock, timers } = this.#deps;
    this.#leaving = true;
    const endMs = clock.nowMs() + waitMs;
    while (this.#transferAll() && clock.nowMs() < endMs) {
      await new Promise<void>((resolve) => timers.after(WAIT_MS, resolve));
    }
  }

  /** True while this node leads a group that another could lead. */
  #transferAll(): boolean {
    let leads = false;
    for (const { group, core, membership } of this.#deps.replicas()) {
      if (core.role !== "leader") continue;
      const status = core.status();
      const heir = bestHeir(status, (replica) => {
        const node = nodeOf(membership, replica);
        return node !== undefined && this.#deps.mayLead(node);
      });
      if (heir === undefined) continue;
      leads = true;
      if (status.transferee === undefined) core.transferLeadership(heir);
      this.#deps.wake(group);
    }
    return leads;
  }
}

/** The voter that has most of the log among those that were heard lately and may lead. */
export function bestHeir(
  status: Pick<RaftStatus, "id" | "configuration" | "members">,
  mayLead: (replica: ReplicaId) => boolean,
): ReplicaId | undefined {
  const { id, configuration, members } = status;
  let best: (typeof members)[number] | undefined;
  for (const member of members) {
    const votes = member.id !== id && configuration.voters.includes(member.id);
    if (!votes || !member.recentActive || !mayLead(member.id)) continue;
    if (best === undefined || member.match > best.match) best = member;
  }
  return best?.id;
}
