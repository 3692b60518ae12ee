/**
 * Arithmetic of majorities, single and joint. A set without voters agrees to everything, so that a
 * configuration that is not joint is simply one whose other half is empty.
 */
import type { Configuration, ReplicaId } from "./types.ts";

/** How an election stands. */
export type VoteResult = "pending" | "won" | "lost";

/** The two halves of a configuration; the second is empty unless joint. */
export type VotingHalves = Pick<Configuration, "voters" | "votersOutgoing">;

/** How many of `count` voters are a majority; `count` is at least 1. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * The highest index that a majority of `voters` has reached, by what `indexOf` says of each (0 for
 * nothing). Infinity when there are no voters.
 */
export function majorityIndex(
  voters: readonly ReplicaId[],
  indexOf: (replica: ReplicaId) => number,
): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  // Groups have three to seven voters: putting each in its place is cheaper than the library's sort.
  const indexes: number[] = [];
  for (const voter of voters) {
    const index = indexOf(voter);
    let at = indexes.length;
    for (; at > 0 && (indexes[at - 1] ?? 0) > index; at -= 1) indexes[at] = indexes[at - 1] ?? 0;
    indexes[at] = index;
  }
  return indexes[voters.length - majorityOf(voters.length)] ?? 0;
}

/** The highest index that both halves have reached (thesis 4.3). Infinity when there are no voters. */
export function jointIndex(halves: VotingHalves, indexOf: (replica: ReplicaId) => number): number {
  const incoming = majorityIndex(halves.voters, indexOf);
  if (halves.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, majorityIndex(halves.votersOutgoing, indexOf));
}

/** Counts votes; a voter that is missing from `votes` has not answered yet. */
export function majorityVote(
  voters: readonly ReplicaId[],
  votes: ReadonlyMap<ReplicaId, boolean>,
): VoteResult {
  if (voters.length === 0) return "won";
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  const needed = majorityOf(voters.length);
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}

/** An election in a joint configuration needs both halves, and is lost as soon as one is. */
export function jointVote(
  halves: VotingHalves,
  votes: ReadonlyMap<ReplicaId, boolean>,
): VoteResult {
  const incoming = majorityVote(halves.voters, votes);
  const outgoing = majorityVote(halves.votersOutgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}
