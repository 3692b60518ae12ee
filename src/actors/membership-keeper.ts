/**
 * Where this node leads a group, brings its membership to what the cluster wants (R8), one change at a
 * time, and has replicas made on the nodes that were added (R2).
 */

import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { Log } from "../std/log.ts";
import { voterNodes } from "./membership.ts";
import { type PlannedChange, planMembership } from "./membership-plan.ts";
import type { MeshPort, ReplicaPlace } from "./ports.ts";
import type { Reach } from "./reach.ts";
import type { Replica } from "./replica.ts";

/** How often a leader looks at its group's membership. */
const KEEP_MS = 500;

/**
 * A replica counts as lost when its node has had another store for so long: this node's copy of the
 * members may be a moment older than the group's membership.
 */
const LOST_AFTER_MS = 3_000;

/** A group as the keeper sees it. */
export type KeptReplica = Pick<
  Replica<never, never, never>,
  "group" | "core" | "membership" | "leadingTerm" | "proposeMembers"
>;

/** A node that belongs to the cluster, or did. */
export interface KnownNode {
  readonly node: NodeId;
  readonly storeId: string;
  readonly removed: boolean;
  /** It is being removed. */
  readonly leaves: boolean;
}

export interface MembershipKeeperDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly mesh: MeshPort;
  readonly reach: Pick<Reach, "mayVote">;
  readonly replicas: () => Iterable<KeptReplica>;
  /** All nodes that are known, in the order in which they are to be asked for the group. */
  readonly nodes: (group: number) => readonly KnownNode[];
  readonly votersMax: (group: number) => number;
  /** Whether a node can be reached and would take over leadership. */
  readonly mayLead: (node: NodeId) => boolean;
  /** Groups whose replicas on a node are damaged, as far as it says so (R4). */
  readonly damagedOn: (node: NodeId) => readonly number[];
  /** R8: a voter that is away for so long is replaced, if there is a spare node. */
  readonly replaceAfterMs: number;
}

export class MembershipKeeper {
  readonly #deps: MembershipKeeperDeps;
  /** Since when nodes are down, as seen from here. */
  readonly #downSinceMs = new Map<NodeId, number>();
  /** Since when replicas look lost, by group and replica. */
  readonly #lostSinceMs = new Map<string, number>();
  /** Replicas whose nodes said that they are damaged (R4). */
  readonly #damaged = new Set<string>();
  #timer: Timer | undefined;

  constructor(deps: MembershipKeeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(KEEP_MS, () => {
      this.#watchNodes();
      for (const replica of this.#deps.replicas()) {
        if (replica.leadingTerm !== undefined) this.#keep(replica);
      }
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** A node says that a replica of its own is damaged. */
  damaged(group: number, replica: ReplicaId): void {
    this.#damaged.add(nameOf(group, replica));
  }

  #watchNodes(): void {
    const nowMs = this.#deps.clock.nowMs();
    for (const { node } of this.#deps.nodes(0)) {
      if (this.#isUp(node)) this.#downSinceMs.delete(node);
      else if (!this.#downSinceMs.has(node)) this.#downSinceMs.set(node, nowMs);
    }
  }

  #keep(replica: KeptReplica): void {
    const { membership, group } = replica;
    const status = replica.core.status();
    const nodes = this.#deps.nodes(group);
    const lost = this.#lost(replica, nodes);
    for (const { id } of status.members.filter((member) => member.match === 0)) {
      const place = membership.places.find(({ replica: other }) => other === id);
      if (place !== undefined && !lost.has(id)) this.#invite(replica, place);
    }
    const nowMs = this.#deps.clock.nowMs();
    const { reach } = this.#deps;
    const voters = voterNodes(membership);
    const planned = planMembership({
      membership,
      status,
      candidates: nodes
        .filter(({ removed }) => !removed)
        .map(({ node, storeId, leaves }) => ({
          node,
          storeId,
          leaves,
          mayVote: voters.includes(node) ? "yes" : reach.mayVote(node, { group, voters }),
          mayLead: this.#deps.mayLead(node),
          up: this.#isUp(node),
          damaged: this.#deps.damagedOn(node).includes(group),
          absent: nowMs - (this.#downSinceMs.get(node) ?? nowMs) >= this.#deps.replaceAfterMs,
        })),
      lost,
      votersMax: this.#deps.votersMax(group),
      everyone: group === 0,
    });
    if (planned !== undefined) this.#propose(replica, planned);
  }

  /** R2, R4: replicas that will never be heard again, by what has been so for a while. */
  #lost({ group, membership }: KeptReplica, nodes: readonly KnownNode[]): ReadonlySet<ReplicaId> {
    const nowMs = this.#deps.clock.nowMs();
    const lost = new Set<ReplicaId>();
    for (const { replica, node, storeId } of membership.places) {
      const name = nameOf(group, replica);
      const known = nodes.find((other) => other.node === node);
      // Nothing follows from a node that is not known here (R4), or has not said what its store is.
      const other = known !== undefined && known.storeId !== "" && known.storeId !== storeId;
      if (known?.removed !== true && !other && !this.#damaged.has(name)) {
        this.#lostSinceMs.delete(name);
        continue;
      }
      const sinceMs = this.#lostSinceMs.get(name) ?? nowMs;
      this.#lostSinceMs.set(name, sinceMs);
      if (nowMs - sinceMs >= LOST_AFTER_MS) lost.add(replica);
    }
    return lost;
  }

  #isUp(node: NodeId): boolean {
    const { mesh } = this.#deps;
    return node === mesh.self || mesh.isUp(node);
  }

  #invite(replica: KeptReplica, place: ReplicaPlace): void {
    if (place.node === this.#deps.mesh.self) return;
    this.#deps.mesh.send(place.node, {
      kind: "make-replica",
      group: replica.group,
      replica: place.replica,
      storeId: place.storeId,
      membership: replica.membership,
    });
  }

  #propose(replica: KeptReplica, planned: PlannedChange): void {
    if (!replica.proposeMembers(planned.change, planned.added)) return;
    const { changes } = planned.change;
    this.#deps.log.info("changes a group's membership", { group: replica.group, changes });
  }
}

function nameOf(group: number, replica: ReplicaId): string {
  return `${group}/${replica}`;
}
