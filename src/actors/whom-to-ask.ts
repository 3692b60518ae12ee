/** Which nodes are asked for what, by the rows of the cluster's members. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import type { KnownNode } from "./membership-keeper.ts";

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

/** Members that are up and may be given work, this node among them. */
export function workersAmong(
  members: readonly MemberRow[],
  mesh: { readonly self: NodeId; isUp(node: NodeId): boolean },
): readonly NodeId[] {
  return members.flatMap(({ node, state }) =>
    state === "joined" && (node === mesh.self || mesh.isUp(node)) ? [node] : [],
  );
}

/** What people call a member; undefined for a node that is none, or none any more. */
export function nameOfMember(member: MemberRow | undefined): string | undefined {
  return member === undefined || member.state === "removed" ? undefined : member.name;
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
