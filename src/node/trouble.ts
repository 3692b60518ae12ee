/** Why a node cannot serve, gathered from all that knows something about it. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { VersionRange } from "../scheduler/system/version-range.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { Composed } from "./compose.ts";
import { CopyAges } from "./copy-age.ts";
import { ProgressWatch, type ReplicaSample, stoppedTroubles, type Trouble } from "./health.ts";
import { hearsOfLeader, type LedReplica } from "./leader-heard.ts";

/** Between two looks at whether anything moves. */
const LOOK_MS = 500;

export interface HealthDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly composed: Composed;
  readonly isUp: (node: string) => boolean;
  /** How long the write into the log that is under way takes already. */
  readonly writeMs: () => number;
  readonly isStopping: () => boolean;
}

export class Health {
  readonly #deps: HealthDeps;
  readonly #watch: ProgressWatch;
  readonly #ages = new CopyAges();
  #timer: Timer | undefined;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
    this.#watch = new ProgressWatch(LOOK_MS, deps.clock.nowMs());
  }

  start(): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      this.#watch.look(this.#deps.clock.nowMs(), samplesOf(this.#deps.composed.node));
      this.#lookAtCopies();
      this.start();
    });
  }

  /** How old this node's copy of the group may be, ms; undefined when it has heard of no leader yet. */
  copyAgeMs(group: number): number | undefined {
    const nowMs = this.#deps.clock.nowMs();
    const replica = this.#deps.composed.node.host.replica(group);
    // A leader that was found since the last look counts at once; each call of the API asks this.
    if (replica !== undefined && this.#hearsOfLeader(replica)) return 0;
    return this.#ages.ageMs(group, nowMs);
  }

  #lookAtCopies(): void {
    const replicas = [...this.#deps.composed.node.host.replicas()];
    const seen = replicas.map((replica) => ({
      group: replica.group,
      led: this.#hearsOfLeader(replica),
    }));
    this.#ages.look(this.#deps.clock.nowMs(), seen);
  }

  #hearsOfLeader(replica: LedReplica): boolean {
    const { composed, isUp } = this.#deps;
    return hearsOfLeader(replica, { self: composed.node.self, isUp });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** All reasons why the node cannot serve now; none when it can. */
  troubles(): readonly Trouble[] {
    const { clock, writeMs, isStopping } = this.#deps;
    const stopping: readonly Trouble[] = isStopping()
      ? [{ code: "stopping", message: "the node is stopping" }]
      : [];
    return [
      ...stopping,
      ...membershipTroubles(this.#deps),
      ...this.#watch.troubles(clock.nowMs(), writeMs()),
    ];
  }
}

function membershipTroubles({
  composed: { node, member },
  isUp,
}: Pick<HealthDeps, "composed" | "isUp">): readonly Trouble[] {
  const troubles = [...stoppedTroubles(node.stoppedReplicas, node.damagedReplicas)];
  const known = node.directory.member(node.self);
  if (known === undefined) {
    troubles.push({ code: "starting", message: "this node does not know its cluster yet" });
  } else if (known.state === "removed") {
    troubles.push({ code: "removed", message: "the cluster has removed this node" });
  } else if (known.storeId !== member.storeId) {
    const message = "the cluster does not know this node's store yet";
    troubles.push({ code: "starting", message });
  } else if (!isSame(known.versions, member.versions)) {
    const message = "the cluster does not know yet which versions this node's program supports";
    troubles.push({ code: "starting", message });
  }
  const unfit = node.versions.error;
  if (unfit !== undefined) troubles.push({ code: "version", message: unfit.message });
  const { replica } = node.system;
  if (replica === undefined || !hearsOfLeader(replica, { self: node.self, isUp })) {
    const message = "the system group has no leader that this node hears of with a majority";
    troubles.push({ code: "no-leader", message });
  }
  return troubles;
}

function isSame(a: VersionRange, b: VersionRange): boolean {
  return a.min === b.min && a.max === b.max;
}

/** All replicas as they are now. */
export function samplesOf(node: ClusterNode): readonly ReplicaSample[] {
  return [...node.host.replicas()].map(({ group, core, appliedIndex }) => {
    const { role, lastIndex, committed: commitIndex } = core.status();
    return { group, leads: role === "leader", lastIndex, commitIndex, appliedIndex };
  });
}
