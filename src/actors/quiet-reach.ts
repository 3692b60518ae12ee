/** Whom a quiet replica cannot reach any more, so that somebody who asks for its group has to wake it (R7). */
import { majorityOf } from "../raft/quorum.ts";
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

/** Whether a leader here would find no majority, if it asked. */
export function isMajorityGone(membership: Membership, isUp: (node: NodeId) => boolean): boolean {
  const nodes = voterNodes(membership);
  return nodes.filter(isUp).length < majorityOf(nodes.length);
}
