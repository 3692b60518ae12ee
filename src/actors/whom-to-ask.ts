/** Which nodes are asked for what, by the rows of the cluster's members. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import type { KnownNode } from "./membership-keeper.ts";
import { CLOCK_OFF_MS } from "./peer-clocks.ts";

/** Other members that are up and stay: whom copies may be given to. */
export function heirsAmong(
  members: readonly MemberRow[],
  mesh: { readonly self: NodeId; isUp(node: NodeId): boolean },
): readonly NodeId[] {
  // A node counts as up for itself, and a copy that it makes for itself is none.
  return members.flatMap(({ node, state }) =>
    node !== mesh.self && mesh.isUp(node) && state !== "removing" ? [node] : [],
  );
}

/**
 * Who is told that replicas here are damaged: the other members, those too who are being removed, as they may
 * lead to the end; or, while the rows of the system group cannot be read either, those who may lead that group
 * as far as this node knew at its start.
 */
export function toldOfDamage(known: {
  readonly members: readonly MemberRow[];
  readonly candidates: readonly NodeId[];
  readonly mesh: { readonly self: NodeId; isUp(node: NodeId): boolean };
}): readonly NodeId[] {
  const { members, candidates, mesh } = known;
  const there = members.flatMap(({ node, state }) => (state === "removed" ? [] : [node]));
  const told = members.length > 0 ? there : candidates;
  return told.filter((node) => node !== mesh.self && mesh.isUp(node));
}

/** Members that are up and may be given work, this node among them. */
export function workersAmong(
  members: readonly MemberRow[],
  mesh: { readonly self: NodeId; isUp(node: NodeId): boolean },
): readonly NodeId[] {
  return members.flatMap(({ node, state }) =>
    state === "joined" && (node === mesh.self || mesh.isUp(node)) ? [node] : [],
  );
}

/**
 * Whether a member that can be reached is to lead groups: one that is drained, leaves or has a clock that is
 * off the voters' median (R14) by `aheadMs` is not. A clock that is not known yet is no reason.
 */
export function isFitToLead(member: MemberRow | undefined, aheadMs: number | undefined): boolean {
  return member?.state === "joined" && Math.abs(aheadMs ?? 0) <= CLOCK_OFF_MS;
}

/** What people call a member; undefined for a node that is none, or none any more. */
export function nameOfMember(member: MemberRow | undefined): string | undefined {
  return member === undefined || member.state === "removed" ? undefined : member.name;
}

/** Why nobody who leads a group was found, as far as a node can tell from whom it reaches. */
export function whyUnled(seen: {
  readonly voters: readonly NodeId[];
  /**
   * Whom others took for the leader, by who said so, the newest word last. All may be behind: until the
   * others elect, one that has died is still their leader.
   */
  readonly named: ReadonlyMap<NodeId, NodeId>;
  readonly self: NodeId;
  readonly isUp: (node: NodeId) => boolean;
  readonly nameOf: (node: NodeId) => string;
}): string {
  const { named, self, isUp, nameOf } = seen;
  const voters = seen.voters.map(nameOf).sort();
  const reached = seen.voters.filter(isUp).map(nameOf).sort();
  const unreached = [...named.values()].findLast((node) => !isUp(node));
  if (2 * reached.length <= voters.length) {
    const only = reached.length === 0 ? "none" : `only ${reached.join(", ")}`;
    return `a majority of its replicas cannot be reached: of those on ${voters.join(", ")} this node reaches ${only}`;
  }
  if (unreached !== undefined) {
    const tellers = [...named].flatMap(([teller, node]) => (node === unreached ? [teller] : []));
    const known = asFarAsKnown(tellers.filter((teller) => teller !== self).map(nameOf));
    return `${nameOf(unreached)}, which leads it ${known}, cannot be reached from this node`;
  }
  return `this node reaches ${reached.join(", ")}, and none of them leads it by now`;
}

/** Who says so, of other nodes; this one where there is none. */
function asFarAsKnown(tellers: readonly string[]): string {
  if (tellers.length === 0) return "as far as this node knows";
  return `as far as ${[...tellers].sort().join(", ")} ${tellers.length === 1 ? "knows" : "know"}`;
}

/** Nodes that may lead a group, the likeliest first. */
export function mayLead(known: {
  readonly led: NodeId | undefined;
  /** Where its replicas are. */
  readonly places: readonly { readonly node: NodeId }[];
  /** This one, which costs nothing to ask. */
  readonly self: NodeId;
  readonly others: readonly NodeId[];
}): readonly NodeId[] {
  const { led, places, self, others } = known;
  const first = led === undefined ? [] : [led];
  return [...new Set([...first, ...places.map(({ node }) => node), self, ...others])];
}

/** Nodes for a group's replicas, in the order in which they are to be asked. */
export function nodesForReplicas(
  everybody: readonly MemberRow[],
  { group, isSystem }: { readonly group: number; readonly isSystem: boolean },
): readonly KnownNode[] {
  const nodes = everybody.map(({ node, storeId, state }) => ({
    node,
    storeId,
    removed: state === "removed",
    leaves: state === "removing",
  }));
  if (isSystem) return nodes;
  // A workflow's replicas stay where they are; spare nodes follow, beginning at another for each.
  const shift = nodes.length === 0 ? 0 : group % nodes.length;
  return [...nodes.slice(shift), ...nodes.slice(0, shift)];
}
