/**
 * Replicas of this node that nobody speaks to: damaged ones say so (R4), others that were stopped as well,
 * and those that hear of no leader ask whether they still belong. Only a member that knows by its applied
 * membership that a replica was removed has it destroyed; not to know it means nothing. Leaders have the
 * states compared (R10).
 */
import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Caller } from "./caller.ts";
import type { AnyReplica } from "./group-host.ts";
import type { Membership, MeshPort, PeerMessage } from "./ports.ts";
import { Strangers } from "./strangers.ts";

/** Between two reports. */
const REPORT_MS = 2_000;

/** Looks without a leader after which a replica asks: longer than an election takes. */
const LOOKS_WITHOUT_LEADER = 4;

/** Looks after which damage that is not reported any more is forgotten. */
const LOOKS_WITHOUT_REPORT = 3;

type Report = Extract<PeerMessage, { kind: "replica-report" }>;
type Gone = Extract<PeerMessage, { kind: "replica-gone" }>;

/** A replica as far as it is cared for here. */
export type CaredReplica = Pick<AnyReplica, "group" | "id" | "membership" | "proposeCheck"> & {
  readonly core: {
    status(): { readonly leader: ReplicaId | undefined; readonly silentTicks: number };
    /** Ends its quiet (R7): it counts again how long nobody speaks to it. */
    wake(): void;
  };
};

export interface ReplicaCareDeps {
  readonly clock: Clock;
  readonly caller: Pick<Caller, "ask">;
  readonly timers: Timers;
  readonly log: Log;
  readonly mesh: MeshPort;
  readonly storeId: string;
  /** Replicas here that are damaged, by group. */
  readonly damaged: () => ReadonlyMap<number, ReplicaId>;
  /** Replicas here that do not serve, damaged or not, by group: `StoppedReplicas`. */
  readonly stopped: () => ReadonlyMap<number, ReplicaId>;
  /** A leader that is silent for so many ticks is none: a learner never gives up the one it knows. */
  readonly silentTicksMax: number;
  /** Between two checks of a leader's state (R10). */
  readonly checkMs: number;
  readonly replicas: () => Iterable<CaredReplica>;
  readonly replica: (group: number) => CaredReplica | undefined;
  /** Whether this node leads the group and has applied what came before. */
  readonly leads: (group: number) => boolean;
  /** Other members of the cluster. */
  readonly others: () => readonly NodeId[];
  /** A replica on another node is damaged: its leader, which is here, should know. */
  readonly onDamaged: (group: number, replica: ReplicaId) => void;
  /** Takes the group's replica out of service here and destroys it, with every id below `below`. */
  readonly destroy: (group: number, below: ReplicaId) => Promise<void>;
}

export class ReplicaCare {
  /** Who may write to the replicas here without being known to them. */
  readonly strangers: Strangers;
  readonly #deps: ReplicaCareDeps;
  /** Looks in a row at which a replica knew no leader. */
  readonly #leaderless = new Map<number, number>();
  readonly #destroying = new Set<number>();
  /** Looks since other nodes said that their replicas are damaged, by node and group. */
  readonly #damageElsewhere = new Map<NodeId, Map<number, number>>();
  #timer: Timer | undefined;
  #checkTimer: Timer | undefined;

  constructor(deps: ReplicaCareDeps) {
    this.#deps = deps;
    this.strangers = new Strangers(deps);
  }

  start(): void {
    this.#armReports();
    this.#armChecks();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#checkTimer?.cancel();
  }

  #armReports(): void {
    this.#timer = this.#deps.timers.after(REPORT_MS, () => {
      this.#look();
      this.#armReports();
    });
  }

  #armChecks(): void {
    this.#checkTimer = this.#deps.timers.after(this.#deps.checkMs, () => {
      for (const replica of this.#deps.replicas()) replica.proposeCheck();
      this.#armChecks();
    });
  }

  /** Groups whose replicas on a node are damaged, as far as it says so (R4). */
  damagedOn(node: NodeId): readonly number[] {
    const { mesh, damaged } = this.#deps;
    const groups = node === mesh.self ? damaged() : this.#damageElsewhere.get(node);
    return [...(groups?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** Another node reports a replica of its own. */
  reported(from: NodeId, { group, replica, storeId, damaged }: Report): void {
    if (damaged) {
      const known = this.#damageElsewhere.get(from) ?? new Map<number, number>();
      this.#damageElsewhere.set(from, known.set(group, 0));
    }
    const here = this.#deps.replica(group);
    if (here === undefined) return;
    const { membership } = here;
    const { places, nextReplica } = membership;
    const place = places.find((one) => one.node === from && one.storeId === storeId);
    // Of whom one hears this, he does not lead. Who is quiet with him would never notice (R7).
    if (place !== undefined && place.replica === here.core.status().leader) here.core.wake();
    if (damaged && place !== undefined && this.#deps.leads(group))
      this.#deps.onDamaged(group, place.replica);
    // A damaged one may not know its id; a leader knows all that were given.
    const removed = damaged
      ? place === undefined && this.#deps.leads(group)
      : replica < nextReplica && !places.some((one) => one.replica === replica);
    const below = firstAfter(replica, { membership, node: from });
    if (removed) this.#tellGone(from, { group, storeId, replica, below });
  }

  /** A message came from a replica that was removed. */
  removedSpoke(from: NodeId, replica: CaredReplica, sender: ReplicaId): void {
    const { group, membership } = replica;
    const below = firstAfter(sender, { membership, node: from });
    this.#tellGone(from, { group, storeId: "", replica: sender, below });
  }

  /**
   * A member knows that this node's replica was removed from its group. One that hears of its leader was
   * not: it was told otherwise by who is mistaken, or lies. If it was removed after all, it will soon hear
   * of none, and ask; a quiet one would never notice, so it is woken.
   */
  gone(from: NodeId, { group, storeId, replica, below }: Gone): void {
    const damaged = this.#deps.damaged().has(group);
    const here = this.#deps.replica(group);
    const meant = damaged
      ? storeId === this.#deps.storeId
      : here !== undefined && here.id < below && replica === here.id;
    if (!meant || this.#destroying.has(group)) return;
    if (!damaged && here !== undefined && this.#isLed(here)) {
      this.#deps.log.warn("a node says that a replica was removed which has a leader", {
        group,
        node: from,
      });
      here.core.wake();
      return;
    }
    this.#destroying.add(group);
    this.#deps.log.info("destroys a replica that was removed from its group", {
      group,
      said: from,
    });
    this.#deps
      .destroy(group, below)
      .catch((error: unknown) => {
        const reason = errorText(error);
        this.#deps.log.warn("a removed replica could not be destroyed", { group, reason });
      })
      .finally(() => this.#destroying.delete(group));
  }

  /** Whether a replica has heard of its leader of late, or leads. */
  #isLed(replica: CaredReplica): boolean {
    const { leader, silentTicks } = replica.core.status();
    return leader !== undefined && silentTicks < this.#deps.silentTicksMax;
  }

  #tellGone(to: NodeId, about: Omit<Gone, "kind">): void {
    this.#deps.mesh.send(to, { kind: "replica-gone", ...about });
  }

  /** Who says nothing more of a damaged replica has none any more, or is down. */
  #forgetDamage(): void {
    for (const [node, groups] of this.#damageElsewhere) {
      for (const [group, looks] of groups) {
        if (looks < LOOKS_WITHOUT_REPORT) groups.set(group, looks + 1);
        else groups.delete(group);
      }
      if (groups.size === 0) this.#damageElsewhere.delete(node);
    }
  }

  #look(): void {
    this.#forgetDamage();
    const damaged = this.#deps.damaged();
    for (const [group, replica] of this.#deps.stopped())
      this.#report({ group, replica, damaged: damaged.has(group) }, this.#deps.others());
    for (const replica of this.#deps.replicas()) {
      const { group, id } = replica;
      const looks = this.#isLed(replica) ? 0 : (this.#leaderless.get(group) ?? 0) + 1;
      this.#leaderless.set(group, looks);
      if (looks < LOOKS_WITHOUT_LEADER) continue;
      const nodes = replica.membership.places.map(({ node }) => node);
      this.#report({ group, replica: id, damaged: false }, nodes);
    }
  }

  #report(
    about: { readonly group: number; readonly replica: ReplicaId; readonly damaged: boolean },
    to: readonly NodeId[],
  ): void {
    const { mesh, storeId } = this.#deps;
    for (const node of new Set(to))
      if (node !== mesh.self) mesh.send(node, { kind: "replica-report", storeId, ...about });
  }
}

/** Ids below this one will never be made on the node (again); it may have a newer one to make already. */
function firstAfter(
  replica: ReplicaId,
  { membership, node }: { readonly membership: Membership; readonly node: NodeId },
): ReplicaId {
  const next = membership.places.find((one) => one.node === node && one.replica > replica);
  return next?.replica ?? membership.nextReplica;
}
