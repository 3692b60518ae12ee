/** What operators and sagas ask of a group's leader, beside the group's own commands. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { AnyReplica, GroupHost } from "./group-host.ts";
import { groupStatusOf } from "./group-status.ts";
import type { Call, CallAnswer } from "./ports.ts";

type GroupCall = Extract<Call, { readonly kind: "group-status" | "transfer" }>;

/**
 * Answers where this node leads the group, else names who does. A quiet group whose leader's node is gone
 * elects another then (R7): who asks again finds it.
 */
export function serveGroupCall(
  host: Pick<GroupHost, "replica" | "wake" | "touch" | "isUp">,
  call: GroupCall,
): CallAnswer {
  host.touch(call.group);
  const replica = host.replica(call.group);
  if (replica?.core.role !== "leader") {
    return { kind: "not-scheduler", leader: replica?.leaderNode };
  }
  if (call.kind === "transfer") {
    const answer = transfer(replica, call.to);
    host.wake(call.group);
    return answer;
  }
  const { core, membership } = replica;
  return {
    kind: "group",
    status: groupStatusOf(call.group, { status: core.status(), membership, isUp: host.isUp }),
  };
}

function transfer({ core, id, membership }: AnyReplica, to: NodeId): CallAnswer {
  const place = membership.places.find(({ node }) => node === to);
  if (place?.replica === id) return { kind: "done" };
  const result = place === undefined ? undefined : core.transferLeadership(place.replica);
  if (result?.kind === "started") return { kind: "done" };
  const message = "the node has no voter of the group";
  return { kind: "error", code: "TRANSFER_REFUSED", message, details: {} };
}
