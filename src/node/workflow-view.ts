/** A workflow as people see it: its definitions, and who schedules and keeps it. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { WorkflowSummary, WorkflowView } from "../api/ports.ts";
import type { WorkflowRow } from "../scheduler/system/rows.ts";
import { workflowUnknown } from "./cluster-errors.ts";
import { handlerViews, jobViews, stepViews } from "./views.ts";
import type { WorkflowState } from "./workflow-writer.ts";

/** In a list. What is deleted is not in it. */
export function workflowSummary(row: WorkflowRow): WorkflowSummary {
  const { name, description, weight, state } = row;
  return { workflow: name, description, weight, state: state === "deleted" ? "deleting" : state };
}

/** @throws {ClusterError} `WORKFLOW_UNKNOWN` when it was deleted meanwhile. */
export function workflowView(
  node: Pick<ClusterNode, "directory" | "router" | "workflow">,
  name: string,
  state: WorkflowState,
): WorkflowView {
  const { directory } = node;
  const row = directory.workflow(state.group);
  if (row === undefined || row.state === "deleted") throw workflowUnknown(name);
  const scheduler = node.router.leaderOf(state.group) ?? null;
  const here = node.workflow(state.group)?.replica;
  const voters = here?.membership.configuration.voters;
  const places = here?.membership.places ?? row.replicas;
  return {
    workflow: name,
    description: state.meta.description,
    state: row.state,
    scheduler,
    schedulerName: scheduler === null ? null : (directory.member(scheduler)?.name ?? null),
    term: state.term,
    replicas: places.map(({ replica, node: at }) => ({
      node: at,
      name: directory.member(at)?.name ?? at,
      replica,
      role: voters === undefined || voters.includes(replica) ? "voter" : "learner",
    })),
    // Of the replica here where there is one: how far this node itself has come.
    appliedIndex: here?.appliedIndex ?? state.appliedIndex,
    revision: state.meta.plan,
    steps: stepViews(state.plan),
    jobs: jobViews(state.plan),
    handlers: handlerViews(state.plan),
    retention: state.meta.retention ?? null,
    weight: state.meta.weight,
  };
}
