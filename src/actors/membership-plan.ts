/** R8: how many voters a group wants, and the next step there. Pure. */
import type { RaftStatus } from "../raft/status.ts";
import type { ConfigChange } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { membersOf, replicaOn } from "./membership.ts";
import type { Membership, ReplicaPlace } from "./ports.ts";

/** A node that may hold a replica. */
export interface Candidate {
  readonly node: NodeId;
  readonly storeId: string;
}

/** Entries that a learner may lack and still count as caught up: it gets them while it is promoted. */
const CAUGHT_UP_ENTRIES = 1000;

/** A membership change and the places of those whom it adds. */
export interface PlannedChange {
  readonly change: Omit<ConfigChange, "context">;
  readonly added: readonly ReplicaPlace[];
}

/** Voters that a group wants in a cluster of so many nodes: with two, the second only listens. */
export function voterTarget(nodeCount: number, votersMax: number): number {
  if (nodeCount < 3) return 1;
  const odd = nodeCount % 2 === 1 ? nodeCount : nodeCount - 1;
  return Math.min(votersMax, odd);
}

/**
 * The next change of a group's membership, or undefined when there is none to make now.
 * `everyone`: each candidate becomes at least a learner (the system group); else only as many as vote.
 */
export function planMembership(input: {
  readonly membership: Membership;
  readonly status: RaftStatus;
  readonly candidates: readonly Candidate[];
  readonly votersMax: number;
  readonly everyone: boolean;
}): PlannedChange | undefined {
  const { membership, status, candidates } = input;
  const { configuration } = membership;
  if (configuration.votersOutgoing.length > 0) return undefined;
  const target = voterTarget(candidates.length, input.votersMax);
  const wanted = input.everyone
    ? candidates.length
    : Math.max(target, Math.min(2, candidates.length));
  const missing = candidates.filter(({ node }) => replicaOn(membership, node) === undefined);
  const room = wanted - membersOf(configuration).length;
  const adding = missing.slice(0, Math.max(0, room));
  if (adding.length > 0) return addLearners(membership, adding);
  const lacking = target - configuration.voters.length;
  if (lacking <= 0) return undefined;
  // Only who was heard lately: promoting the dead would leave a group that cannot commit.
  const ready = status.members.filter(
    (member) =>
      member.learner &&
      member.recentActive &&
      member.match > 0 &&
      member.match + CAUGHT_UP_ENTRIES >= status.lastIndex,
  );
  // In one joint change, and to an odd number: two voters would stand still when either of them dies.
  const before = configuration.voters.length;
  const possible = Math.min(lacking, ready.length);
  const count = (before + possible) % 2 === 1 ? possible : possible - 1;
  if (count <= 0) return undefined;
  const promoted = ready.slice(0, count);
  return {
    change: {
      transition: "auto",
      changes: promoted.map(({ id }) => ({ type: "add-voter", replica: id })),
    },
    added: [],
  };
}

function addLearners(membership: Membership, adding: readonly Candidate[]): PlannedChange {
  const added = adding.map(({ node, storeId }, at) => ({
    replica: membership.nextReplica + at,
    node,
    storeId,
  }));
  const changes = added.map(({ replica }) => ({ type: "add-learner", replica }) as const);
  return { change: { transition: "auto", changes }, added };
}
