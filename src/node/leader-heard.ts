/** Whether this node hears of a leader that can do anything, also of a group that is quiet (R7). */
import { nodeOf } from "../actors/membership.ts";
import type { Membership } from "../actors/ports.ts";
import type { NodeId } from "../wire/dataset.ts";

/** As much of a replica as that needs. */
export interface LedReplica {
  readonly leaderNode: NodeId | undefined;
  readonly membership: Membership;
}

/**
 * False without a leader, with one whose node is down, and, where this node leads, when a majority of
 * the voters is out of reach: the leader of a quiet group asks nobody, so only the mesh can tell.
 */
export function hearsOfLeader(
  { leaderNode, membership }: LedReplica,
  { self, isUp }: { readonly self: NodeId; readonly isUp: (node: NodeId) => boolean },
): boolean {
  if (leaderNode === undefined) return false;
  if (leaderNode !== self) return isUp(leaderNode);
  const { voters, votersOutgoing } = membership.configuration;
  return [voters, votersOutgoing].every((half) => {
    const up = half.filter((replica) => {
      const node = nodeOf(membership, replica);
      return node !== undefined && (node === self || isUp(node));
    });
    return half.length === 0 || up.length > half.length / 2;
  });
}
