/** Whether a node can serve. */
import type { Composed } from "./compose.ts";

/** Why the node cannot serve now; undefined when it can. */
export function troubleOf(composed: Composed, self: string): string | undefined {
  const { node, member } = composed;
  const stopped = [...node.stoppedReplicas][0];
  if (stopped !== undefined)
    return `the replica of group ${stopped[0]} takes no part: ${stopped[1]}`;
  const known = node.directory.member(self);
  if (known === undefined) return "this node does not know its cluster yet";
  if (known.storeId !== member.storeId) return "the cluster does not know this node's store yet";
  if (node.system.replica?.leaderNode === undefined) return "the system group has no leader";
  return undefined;
}
