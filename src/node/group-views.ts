/** Raft groups for operators: each as its own leader sees it. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import { voterTarget } from "../actors/membership-plan.ts";
import type { GroupStatus } from "../actors/ports.ts";
import { SYSTEM_GROUP, VOTERS_MAX } from "../actors/system-group.ts";
import type { GroupView } from "../api/admin-port.ts";
import type { Deadline } from "../std/deadline.ts";
import { isJobxError } from "../std/errors.ts";

/** What the system group is called where groups are named; no workflow is. */
export const SYSTEM_NAME = "system";

/** Longest time that a group without a leader is waited for: the others are shown all the same. */
const STATUS_MS_MAX = 3_000;

/** Groups asked at once. */
const ASKED_AT_ONCE = 32;

const UNKNOWN = { led: false, term: 0, lastIndex: 0, commitIndex: 0, members: [] } as const;

/** All groups, the system group first. */
export async function groupViews(
  node: ClusterNode,
  deadline: Deadline,
): Promise<readonly GroupView[]> {
  const names = [
    { group: SYSTEM_GROUP, name: SYSTEM_NAME },
    ...node.directory.workflows().map(({ group, name }) => ({ group, name })),
  ];
  const views: GroupView[] = [];
  for (let at = 0; at < names.length; at += ASKED_AT_ONCE) {
    const some = names.slice(at, at + ASKED_AT_ONCE);
    views.push(...(await Promise.all(some.map((one) => viewOf(node, one, deadline)))));
  }
  return views;
}

/** The number of a group that is named by number or workflow; undefined when there is none. */
export function groupNamed(node: Pick<ClusterNode, "directory">, text: string): number | undefined {
  if (text === SYSTEM_NAME) return SYSTEM_GROUP;
  const named = node.directory.workflowNamed(text);
  if (named !== undefined) return named.group;
  if (!/^[0-9]{1,15}$/.test(text)) return undefined;
  const group = Number(text);
  if (group === SYSTEM_GROUP) return group;
  const row = node.directory.workflow(group);
  return row === undefined || row.state === "deleted" ? undefined : group;
}

/** What people call a group. */
export function groupName(node: ClusterNode, group: number): string {
  if (group === SYSTEM_GROUP) return SYSTEM_NAME;
  return node.directory.workflow(group)?.name ?? `${group}`;
}

async function viewOf(
  node: ClusterNode,
  { group, name }: { readonly group: number; readonly name: string },
  deadline: Deadline,
): Promise<GroupView> {
  const able = node.directory.members().filter(({ state }) => state !== "removing").length;
  const max = group === SYSTEM_GROUP ? VOTERS_MAX.system : VOTERS_MAX.workflow;
  const votersWanted = voterTarget(able, max);
  let status: GroupStatus;
  try {
    status = await node.groupStatus(group, Math.min(deadline.leftMs(), STATUS_MS_MAX));
  } catch (error) {
    if (!isJobxError(error)) throw error;
    return { group, name, votersWanted, ...UNKNOWN };
  }
  const { term, lastIndex, commitIndex, leader } = status;
  const members = status.members.map((member) => ({
    node: node.directory.member(member.node)?.name ?? member.node,
    replica: member.replica,
    role: member.replica === leader ? "leader" : member.votes ? "voter" : "learner",
    match: member.match,
    active: member.active,
  })) satisfies GroupView["members"];
  return { group, name, led: true, term, lastIndex, commitIndex, members, votersWanted };
}
