/** R8, R2: how many voters a group wants, who cannot be one any more, and the next step there. Pure. */
import type { RaftStatus } from "../raft/status.ts";
import type { ConfigChange, ConfigStep, ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { membersOf } from "./membership.ts";
import type { Membership, ReplicaPlace } from "./ports.ts";

/** A node that belongs to the cluster. */
export interface Candidate {
  readonly node: NodeId;
  /** The store that it has now; empty while it has not said so. */
  readonly storeId: string;
  readonly up: boolean;
  /** It was away for so long that another takes its place, where there is another (R8). */
  readonly absent: boolean;
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
  return (
    plan.removeLost() ?? plan.addLearners() ?? plan.promote() ?? plan.replace() ?? plan.shrink()
  );
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
    const count = candidates.length;
    this.#target = voterTarget(count, input.votersMax);
    this.#wanted = everyone ? count : Math.max(this.#target, Math.min(2, count));
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
    const free = candidates.filter(
      ({ node, storeId, up }) =>
        up && storeId !== "" && !places.some((place) => place.node === node),
    );
    const present = this.#members.filter((id) => !this.#isAbsent(id)).length;
    const adding = free.slice(0, Math.max(0, this.#wanted - present));
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

  /** Voters and learners beyond what is wanted, those that are away first. */
  shrink(): PlannedChange | undefined {
    const { status, everyone, membership } = this.#input;
    // Who does not even know the nodes of this group does not know how many nodes there are.
    if (!membership.places.every(({ node }) => this.#byNode.has(node))) return undefined;
    const first = (ids: readonly ReplicaId[]): readonly ReplicaId[] =>
      [...ids]
        .filter((id) => id !== status.id)
        .sort((a, b) => Number(this.#isUp(a)) - Number(this.#isUp(b)) || b - a);
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
          recentActive &&
          !this.#isAbsent(id) &&
          match > 0 &&
          match + CAUGHT_UP_ENTRIES >= status.lastIndex,
      )
      .map(({ id }) => id);
  }

  #place(id: ReplicaId): ReplicaPlace | undefined {
    return this.#input.membership.places.find(({ replica }) => replica === id);
  }

  #isAbsent(id: ReplicaId): boolean {
    const place = this.#place(id);
    return place !== undefined && this.#byNode.get(place.node)?.absent === true;
  }

  #isUp(id: ReplicaId): boolean {
    const place = this.#place(id);
    return place !== undefined && this.#byNode.get(place.node)?.up === true;
  }
}

function changes(steps: readonly ConfigStep[]): PlannedChange {
  return { change: { transition: "auto", changes: steps }, added: [] };
}
