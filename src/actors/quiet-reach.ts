/** Whom a quiet replica cannot reach any more, so that somebody who asks for its group has to wake it (R7). */
import { majorityOf } from "../raft/quorum.ts";
import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { voterNodes } from "./membership.ts";
import type { Membership } from "./ports.ts";

/** Whether nobody is known to lead, or the node of who does is gone. */
export function isLeaderGone(
  leaderNode: NodeId | undefined,
  isUp: (node: NodeId) => boolean,
): boolean {
  return leaderNode === undefined || !isUp(leaderNode);
}

/** As much of a replica as tells whether it leads, and whom. */
interface MaybeLeader {
  readonly id: ReplicaId;
  readonly core: { readonly leader: ReplicaId | undefined };
  readonly membership: Membership;
}

/** Whether a replica takes itself for the leader and would find no majority, if it asked. */
export function leadsInVain(replica: MaybeLeader, isUp: (node: NodeId) => boolean): boolean {
  if (replica.core.leader !== replica.id) return false;
  const nodes = voterNodes(replica.membership);
  return nodes.filter(isUp).length < majorityOf(nodes.length);
}
