/** Who is in a group and where: replica ids to nodes, kept with the applied state (R2). */
import type { Configuration, ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Membership, ReplicaPlace } from "./ports.ts";

/** Everyone whom a configuration names. */
export function membersOf(configuration: Configuration): readonly ReplicaId[] {
  const { voters, votersOutgoing, learners, learnersNext } = configuration;
  return [...new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext])];
}

/** The membership after a change has been applied; `added` places come from the change's context. */
export function nextMembership(
  before: Membership,
  configuration: Configuration,
  added: readonly ReplicaPlace[],
): Membership {
  const members = new Set(membersOf(configuration));
  const known = new Map([...before.places, ...added].map((place) => [place.replica, place]));
  const places = [...known.values()].filter((place) => members.has(place.replica));
  const nextReplica = Math.max(before.nextReplica, ...added.map((place) => place.replica + 1));
  return { configuration, places, nextReplica };
}

/** The node that a replica lives on. */
export function nodeOf(membership: Membership, replica: ReplicaId): NodeId | undefined {
  return membership.places.find((place) => place.replica === replica)?.node;
}

/** The replica that lives on a node. */
export function replicaOn(membership: Membership, node: NodeId): ReplicaPlace | undefined {
  return membership.places.find((place) => place.node === node);
}

/** The nodes whose replicas vote. */
export function voterNodes({ configuration, places }: Membership): readonly NodeId[] {
  return places
    .filter(({ replica }) => configuration.voters.includes(replica))
    .map(({ node }) => node);
}

/** A group of one. */
export function soleMembership(place: ReplicaPlace): Membership {
  return {
    configuration: {
      voters: [place.replica],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
    },
    places: [place],
    nextReplica: place.replica + 1,
  };
}
