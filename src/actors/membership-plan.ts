/** R8, R2: how many voters a group wants, who cannot be one any more, and the next step there. Pure. */
import type { RaftStatus } from "../raft/status.ts";
import type { ConfigChange, ConfigStep, ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { membersOf } from "./membership.ts";
import type { Membership, ReplicaPlace } from "./ports.ts";
import type { MayVote } from "./reach.ts";

/** A node that belongs to the cluster. */
export interface Candidate {
  readonly node: NodeId;
  /** The store that it has now; empty while it has not said so. */
  readonly storeId: string;
  readonly up: boolean;
  /** It was away for so long that another takes its place, where there is another (R8). */
  readonly absent: boolean;
  /** Whether it may become a voter. Who votes already keeps the vote. */
  readonly mayVote: MayVote;
  /** Whether it is up and would take over leadership: it is not drained, and its clock is right. */
  readonly mayLead: boolean;
  /** It is being removed: the group is to be as if it were gone (R9). */
  readonly leaves: boolean;
  /**
   * It says that its replica of the group is damaged (R4). It makes no other before it has destroyed that one,
   * which it does when it hears that the group has none of its replicas any more.
   */
  readonly damaged: boolean;
}

/** Entries that a learner may lack and still count as caught up: it gets them while it is promoted. */
const CAUGHT_UP_ENTRIES = 1000;

/** A membership change and the places of those whom it adds. */
export interface PlannedChange {
  readonly change: Omit<ConfigChange, "context">;
  readonly added: readonly ReplicaPlace[];
}

export interface PlanInput {
  readonly membership: Membership;
  /** Of the group's leader. */
  readonly status: RaftStatus;
  /** Nodes of the cluster as far as this one knows, in the order in which they are to be asked. */
  readonly candidates: readonly Candidate[];
  /** Replicas that will never be heard again: on a node that was removed or has another store, or damaged. */
  readonly lost: ReadonlySet<ReplicaId>;
  readonly votersMax: number;
  /** Each candidate becomes at least a learner (the system group); else only as many as vote. */
  readonly everyone: boolean;
}

/** Voters that a group wants in a cluster of so many nodes: with two, the second only listens. */
export function voterTarget(nodeCount: number, votersMax: number): number {
  if (nodeCount < 3) return 1;
  const odd = nodeCount % 2 === 1 ? nodeCount : nodeCount - 1;
  return Math.min(votersMax, odd);
}

/** The next change of a group's membership, or undefined when there is none to make now. */
export function planMembership(input: PlanInput): PlannedChange | undefined {
  if (input.membership.configuration.votersOutgoing.length > 0) return undefined;
  const plan = new Plan(input);
  const first = plan.removeLost() ?? plan.addLearners();
  if (first !== undefined) return first;
  if (plan.isLeft) return plan.leave();
  return plan.promote() ?? plan.replace() ?? plan.shrink();
}

class Plan {
  readonly #input: PlanInput;
  readonly #byNode: ReadonlyMap<NodeId, Candidate>;
  readonly #voters: readonly ReplicaId[];
  readonly #members: readonly ReplicaId[];
  /** Voters that are wanted. */
  readonly #target: number;
  /** Replicas that are wanted. */
  readonly #wanted: number;

  constructor(input: PlanInput) {
    this.#input = input;
    const { candidates, membership, everyone } = input;
    this.#byNode = new Map(candidates.map((candidate) => [candidate.node, candidate]));
    this.#voters = membership.configuration.voters;
    this.#members = membersOf(membership.configuration);
    const count = candidates.filter(({ leaves }) => !leaves).length;
    this.#target = voterTarget(count, input.votersMax);
    this.#wanted = everyone ? candidates.length : Math.max(this.#target, Math.min(2, count));
  }

  /**
   * Somebody is to go. In the system group who leaves listens to the end, so that it learns of its own
   * removal; only its vote goes.
   */
  get isLeft(): boolean {
    const going = this.#input.everyone ? this.#voters : this.#members;
    return going.some((id) => this.#leaves(id));
  }

  /** What is lost helps nobody to a majority, so the group is no worse off without it at once. */
  removeLost(): PlannedChange | undefined {
    const lost = this.#members.filter((id) => this.#input.lost.has(id));
    if (lost.length === 0 || this.#voters.every((id) => lost.includes(id))) return undefined;
    return changes(lost.map((replica) => ({ type: "remove", replica })));
  }

  /** Learners on nodes that are up, as many as are wanted besides those that are away for good. */
  addLearners(): PlannedChange | undefined {
    const { membership, candidates } = this.#input;
    const places = membership.places.filter(({ replica }) => this.#members.includes(replica));
    const { everyone } = this.#input;
    // One that leaves and has lost its store needs the system group's rows to the end as well: without
    // them it knows nobody to hand its blocks on to, and could not leave.
    const free = candidates.filter(
      ({ node, storeId, up, leaves, damaged }) =>
        up &&
        !damaged &&
        (everyone || !leaves) &&
        storeId !== "" &&
        !places.some((place) => place.node === node),
    );
    const present = this.#members.filter(
      (id) => !this.#isAbsent(id) && (everyone || !this.#leaves(id)),
    );
    // Who can never vote keeps a copy, but not the place of somebody who can.
    const useful = present.filter((id) => everyone || !this.#neverVotes(id));
    const voting = free.filter(({ mayVote }) => mayVote === "yes");
    const others = free.filter(({ mayVote }) => mayVote !== "yes");
    const adding = [
      ...voting.slice(0, Math.max(0, this.#wanted - useful.length)),
      ...others.slice(0, Math.max(0, this.#wanted - present.length - voting.length)),
    ];
    if (adding.length === 0) return undefined;
    const added = adding.map(({ node, storeId }, at) => ({
      replica: membership.nextReplica + at,
      node,
      storeId,
    }));
    const steps = added.map(({ replica }) => ({ type: "add-learner", replica }) as const);
    return { ...changes(steps), added };
  }

  /** In one joint change, and to an odd number: two voters would stand still when either of them dies. */
  promote(): PlannedChange | undefined {
    const ready = this.#ready();
    const before = this.#voters.length;
    const possible = Math.min(this.#target - before, ready.length);
    const count = (before + possible) % 2 === 1 ? possible : possible - 1;
    if (count <= 0) return undefined;
    return changes(ready.slice(0, count).map((replica) => ({ type: "add-voter", replica })));
  }

  /** A voter that is away for good makes room for a learner that is there, in one joint change. */
  replace(): PlannedChange | undefined {
    const away = this.#voters.filter((id) => this.#isAbsent(id));
    const ready = this.#ready();
    const steps = away.slice(0, ready.length).flatMap((replica, at): readonly ConfigStep[] => {
      const successor = ready[at];
      // The system group keeps everyone at least as a learner.
      const type = this.#input.everyone ? "add-learner" : "remove";
      return successor === undefined
        ? []
        : [
            { type: "add-voter", replica: successor },
            { type, replica },
          ];
    });
    return steps.length === 0 ? undefined : changes(steps);
  }

  /**
   * One joint change after which nobody votes who leaves: those who take their place are promoted in
   * it, so that the group never has fewer voters than before if there is anybody for it.
   */
  leave(): PlannedChange | undefined {
    const { status, everyone } = this.#input;
    const able = this.#voters.filter((id) => !this.#leaves(id));
    // One of the others leads soon, and this one goes then. Where none of them would, nobody waits for it.
    const heirs = able.some((id) => this.#candidateAt(id)?.mayLead === true);
    if (this.#leaves(status.id) && heirs) return undefined;
    const chosen = this.#successors(able);
    if (chosen === undefined) return undefined;
    const steps: ConfigStep[] = [];
    for (const replica of chosen) {
      if (!this.#voters.includes(replica)) steps.push({ type: "add-voter", replica });
    }
    for (const replica of this.#members) {
      if (this.#leaves(replica) && !everyone) steps.push({ type: "remove", replica });
      else if (this.#voters.includes(replica) && !chosen.includes(replica)) {
        steps.push({ type: "add-learner", replica });
      }
    }
    return changes(steps);
  }

  /** Who votes when others have left; undefined while one that is there has to catch up first. */
  #successors(able: readonly ReplicaId[]): readonly ReplicaId[] | undefined {
    const { status } = this.#input;
    const ready = this.#ready();
    const active = new Set(
      status.members.flatMap(({ id, recentActive }) => (recentActive ? [id] : [])),
    );
    active.add(status.id);
    const awake = able.filter((id) => active.has(id));
    const first = awake.filter((id) => id === status.id);
    const others = awake.filter((id) => id !== status.id);
    const asleep = able.filter((id) => !active.has(id));
    const chosen = [...first, ...others, ...ready, ...asleep].slice(0, this.#target);
    const awaited = this.#members.some(
      (id) =>
        !this.#voters.includes(id) && this.#mayVote(id) && this.#isUp(id) && !ready.includes(id),
    );
    if (awake.length + ready.length < this.#target && awaited) return undefined;
    // A group that is kept by fewer than it could be loses more with the next one that dies.
    const spare = this.#sparesBeside([...able, ...ready]);
    if (able.length + ready.length < this.#target && spare > 0) return undefined;
    // To an odd number, as everywhere; it would be the last one that goes.
    if (chosen.length % 2 === 0) chosen.pop();
    const awakeAfter = chosen.filter((id) => active.has(id)).length;
    return 2 * awakeAfter <= chosen.length ? undefined : chosen;
  }

  /** Nodes without any of these replicas that stay, were there lately and may come to vote. */
  #sparesBeside(ids: readonly ReplicaId[]): number {
    const taken = ids.map((id) => this.#place(id)?.node);
    return this.#input.candidates.filter(
      ({ node, leaves, absent, mayVote }) =>
        !leaves && !absent && mayVote !== "never" && !taken.includes(node),
    ).length;
  }

  /** Voters and learners beyond what is wanted, those that are away first. */
  shrink(): PlannedChange | undefined {
    const { status, everyone, membership } = this.#input;
    // Who does not even know the nodes of this group does not know how many nodes there are.
    if (!membership.places.every(({ node }) => this.#byNode.has(node))) return undefined;
    const first = (ids: readonly ReplicaId[]): readonly ReplicaId[] =>
      [...ids]
        .filter((id) => id !== status.id)
        .sort((a, b) => this.#worth(a) - this.#worth(b) || b - a);
    const demoted = first(this.#voters).slice(0, Math.max(0, this.#voters.length - this.#target));
    if (demoted.length > 0) {
      return changes(demoted.map((replica) => ({ type: "add-learner", replica })));
    }
    if (everyone) return undefined;
    const learners = this.#members.filter((id) => !this.#voters.includes(id));
    const extra = first(learners).slice(0, Math.max(0, this.#members.length - this.#wanted));
    // A learner that is about to take an absent voter's place is not too many.
    if (extra.length === 0 || this.#voters.some((id) => this.#isAbsent(id))) return undefined;
    return changes(extra.map((replica) => ({ type: "remove", replica })));
  }

  /** Learners that may vote: only who was heard lately, since the dead could not commit. */
  #ready(): readonly ReplicaId[] {
    const { status } = this.#input;
    return status.members
      .filter(
        ({ id, learner, recentActive, match }) =>
          learner &&
          // Of a group that is quiet only the mesh can tell.
          recentActive &&
          this.#isUp(id) &&
          this.#mayVote(id) &&
          match > 0 &&
          match + CAUGHT_UP_ENTRIES >= status.lastIndex,
      )
      .map(({ id }) => id);
  }

  #place(id: ReplicaId): ReplicaPlace | undefined {
    return this.#input.membership.places.find(({ replica }) => replica === id);
  }

  /** The node that a replica is on. */
  #candidateAt(id: ReplicaId): Candidate | undefined {
    const place = this.#place(id);
    return place && this.#byNode.get(place.node);
  }

  #isAbsent(id: ReplicaId): boolean {
    return this.#candidateAt(id)?.absent === true;
  }

  #leaves(id: ReplicaId): boolean {
    return this.#candidateAt(id)?.leaves === true;
  }

  #mayVote(id: ReplicaId): boolean {
    const candidate = this.#candidateAt(id);
    return candidate?.mayVote === "yes" && !candidate.leaves;
  }

  /** A learner that nobody could make a voter. */
  #neverVotes(id: ReplicaId): boolean {
    return this.#candidateAt(id)?.mayVote === "never" && !this.#voters.includes(id);
  }

  /** Of a replica, where there are too many: the least goes first. */
  #worth(id: ReplicaId): number {
    if (!this.#isUp(id)) return 0;
    return this.#neverVotes(id) ? 1 : 2;
  }

  #isUp(id: ReplicaId): boolean {
    return this.#candidateAt(id)?.up === true;
  }
}

function changes(steps: readonly ConfigStep[]): PlannedChange {
  return { change: { transition: "auto", changes: steps }, added: [] };
}
