/** Members of the cluster as those who look at it see them. Pure. */
import type { NodeView } from "../api/ports.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import type { NodeOffer } from "../scheduler/why.ts";

/** `up` are those who are given work; `isUp` tells whether this node reaches it. */
export function stateOfMember(
  { state }: Pick<MemberRow, "state">,
  isUp: boolean,
): NodeView["state"] {
  if (state !== "joined") return state;
  return isUp ? "up" : "down";
}

/** What a member has for work, and whether it takes any. */
export function nodeOffer(
  member: Pick<MemberRow, "name" | "state" | "capabilities" | "slots">,
  isUp: boolean,
): NodeOffer {
  const { name, capabilities, slots } = member;
  return { name, capabilities, slots, state: stateOfMember(member, isUp) };
}
