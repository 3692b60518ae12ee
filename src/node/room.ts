/**
 * How many nodes, workflows and tickets a cluster may have: each is a row that every node keeps in memory.
 * What a node counts may be a moment old, so several at once can go beyond by as many as they are.
 */
import type { Directory } from "../actors/directory.ts";
import type { TicketView } from "../api/admin-port.ts";
import type { TicketRow } from "../scheduler/system/rows.ts";
import { ClusterError } from "./cluster-errors.ts";

/**
 * Nodes of a cluster at once. Each has a connection to every other, and all of them are in the answer to
 * each newcomer; what was measured is some dozens.
 */
export const NODES_MAX = 1000;

/** Workflows at once. Each is a Raft group, and a node that led all of them could still say so in one hint. */
export const WORKFLOWS_MAX = 4000;

/**
 * Tickets that are remembered. When there are so many, those that let in nobody any more are forgotten;
 * until then people can see what became of them.
 */
export const TICKETS_MAX = 1000;

/** Dead tickets that are forgotten at once, the oldest first. */
const FORGOTTEN_AT_ONCE = 100;

/** @throws {ClusterError} `CLUSTER_FULL` when one more would be too many; a member may always ask again. */
export function checkRoomForNode(
  directory: Pick<Directory, "member" | "members">,
  node: string,
): void {
  if (directory.member(node) !== undefined || directory.members().length < NODES_MAX) return;
  throw new ClusterError({ code: "CLUSTER_FULL" }, `the cluster has ${NODES_MAX} nodes already`);
}

/** @throws {ClusterError} `WORKFLOW_TOO_MANY` when it would be a new one, and one too many. */
export function checkRoomForWorkflow(
  directory: Pick<Directory, "workflowNamed" | "workflows">,
  name: string,
): void {
  const isKnown = directory.workflowNamed(name) !== undefined;
  if (isKnown || directory.workflows().length < WORKFLOWS_MAX) return;
  const message = `there are ${WORKFLOWS_MAX} workflows already`;
  throw new ClusterError({ code: "WORKFLOW_TOO_MANY" }, message);
}

/**
 * Ids of tickets that are to be forgotten before one more is made; none while there is room.
 * @throws {ClusterError} `TICKET_TOO_MANY` when all of them still let nodes in.
 */
export function ticketsToForget(
  tickets: ReturnType<Directory["tickets"]>,
  nowMs: number,
): readonly string[] {
  if (tickets.length < TICKETS_MAX) return [];
  const dead = tickets
    .filter((row) => ticketState(row, nowMs) !== "open")
    .sort((a, b) => a.expiresMs - b.expiresMs)
    .slice(0, FORGOTTEN_AT_ONCE);
  if (dead.length > 0) return dead.map(({ id }) => id);
  const message = `${tickets.length} tickets are open already; revoke those that nobody needs`;
  throw new ClusterError({ code: "TICKET_TOO_MANY" }, message);
}

/** Whether a ticket lets anybody in, and if not, why. */
export function ticketState(row: TicketRow, nowMs: number): TicketView["state"] {
  if (row.revoked) return "revoked";
  if (row.usesLeft <= 0) return "used";
  return row.expiresMs <= nowMs ? "expired" : "open";
}
