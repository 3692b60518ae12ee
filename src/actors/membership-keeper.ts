/**
 * Where this node leads a group, brings its membership to what the cluster wants (R8), one change at a
 * time, and has replicas made on the nodes that were added (R2).
 */

import type { NodeId } from "../scheduler/dataset.ts";
import type { Timer, Timers } from "../std/clock.ts";
import type { Log } from "../std/log.ts";
import { type PlannedChange, planMembership } from "./membership-plan.ts";
import type { MeshPort, ReplicaPlace } from "./ports.ts";
import type { Replica } from "./replica.ts";

/** How often a leader looks at its group's membership. */
const KEEP_MS = 500;

/** A group as the keeper sees it. */
export type KeptReplica = Pick<
  Replica<never, never, never>,
  "group" | "core" | "membership" | "leadingTerm" | "proposeMembers"
>;

export interface MembershipKeeperDeps {
  readonly timers: Timers;
  readonly log: Log;
  readonly mesh: MeshPort;
  readonly replicas: () => Iterable<KeptReplica>;
  /** Members of the cluster, those that are up; everyone for the system group. */
  readonly candidates: (
    group: number,
  ) => readonly { readonly node: NodeId; readonly storeId: string }[];
  readonly votersMax: (group: number) => number;
}

export class MembershipKeeper {
  readonly #deps: MembershipKeeperDeps;
  #timer: Timer | undefined;

  constructor(deps: MembershipKeeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(KEEP_MS, () => {
      for (const replica of this.#deps.replicas()) {
        if (replica.leadingTerm !== undefined) this.#keep(replica);
      }
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #keep(replica: KeptReplica): void {
    const status = replica.core.status();
    const silent = status.members.filter((member) => member.match === 0);
    for (const { id } of silent) {
      const place = replica.membership.places.find(({ replica: other }) => other === id);
      if (place !== undefined) this.#invite(replica, place);
    }
    const planned = planMembership({
      membership: replica.membership,
      status,
      candidates: this.#deps.candidates(replica.group),
      votersMax: this.#deps.votersMax(replica.group),
      everyone: replica.group === 0,
    });
    if (planned !== undefined) this.#propose(replica, planned);
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
