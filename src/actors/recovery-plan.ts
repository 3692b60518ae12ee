/** What is left of a group whose majority is gone, and who is to go on with it. Pure. */
import { majorityOf } from "../raft/quorum.ts";
import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Membership, Standing } from "./ports.ts";

/** A replica that answers. */
export interface Survivor extends Standing {
  readonly node: NodeId;
}

/** A replica that does not. */
export interface LostReplica {
  readonly replica: ReplicaId;
  readonly node: NodeId;
  readonly votes: boolean;
}

/** The newest log of those that are left, and what is not. */
export interface Loss {
  readonly kind: "lost";
  readonly newest: Survivor;
  readonly lost: readonly LostReplica[];
}

/** Why nothing may be recovered, or what a recovery would go on with. */
export type Judgement = Loss | { readonly kind: "refused"; readonly reason: string };

/**
 * A gap between the numbers of a group before and after a recovery: replica ids, terms and log indexes.
 * What the lost replicas gave out without the survivors' knowledge must never be given again: tokens of
 * attempts are places in the log (R16), and executors refuse lower terms than they have seen.
 */
export const EPOCH_STEP = 1_000_000;

/** Who answers of a group's replicas, judged. */
export function judgeLoss(survivors: readonly Survivor[]): Judgement {
  const [newest] = [...survivors].sort(
    (a, b) => b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex || votesFirst(a, b),
  );
  if (newest === undefined) {
    return { kind: "refused", reason: "no replica of the group answers, so there is nothing left" };
  }
  if (newest.appliedIndex === 0) {
    return { kind: "refused", reason: "the replicas that answer hold nothing of the group yet" };
  }
  const present = new Set(survivors.map(({ replica }) => replica));
  // By anybody's knowledge: an older configuration may be the one that is in force.
  if (survivors.some(({ membership }) => hasMajority(membership, present))) {
    const reason = "a majority of the group's replicas answers: they elect a leader by themselves";
    return { kind: "refused", reason };
  }
  const { configuration, places } = newest.membership;
  const voters = new Set([...configuration.voters, ...configuration.votersOutgoing]);
  const lost = places
    .filter(({ replica }) => !present.has(replica))
    .map(({ replica, node }) => ({ replica, node, votes: voters.has(replica) }));
  return { kind: "lost", newest, lost };
}

/** The numbers with which the group begins anew. */
export function nextEpoch(survivors: readonly Survivor[]): {
  readonly replica: ReplicaId;
  readonly term: number;
} {
  const replica = Math.max(...survivors.map(({ membership }) => membership.nextReplica));
  const term = Math.max(...survivors.map((survivor) => survivor.term));
  return { replica: replica + EPOCH_STEP, term: term + EPOCH_STEP };
}

function hasMajority({ configuration }: Membership, present: ReadonlySet<ReplicaId>): boolean {
  const { voters, votersOutgoing } = configuration;
  return (
    voters.length > 0 &&
    [voters, votersOutgoing].every((half) => {
      const count = half.filter((id) => present.has(id)).length;
      return half.length === 0 || count >= majorityOf(half.length);
    })
  );
}

function votesFirst(a: Survivor, b: Survivor): number {
  const votes = ({ membership, replica }: Survivor): number =>
    Number(membership.configuration.voters.includes(replica));
  return votes(b) - votes(a) || a.replica - b.replica;
}
