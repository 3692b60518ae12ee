/** What the cluster in memory makes of changes of definitions. */
import type {
  ApplyReport,
  EntityChange,
  JobView,
  StepView,
  WorkflowDefinition,
} from "../../src/api/ports.ts";

/** What is not said stays as it was. */
export function merged(
  old: WorkflowDefinition | undefined,
  definition: WorkflowDefinition,
): WorkflowDefinition {
  return {
    workflow: definition.workflow,
    description: definition.description ?? old?.description,
    handlers: definition.handlers ?? old?.handlers,
    steps: definition.steps ?? old?.steps,
    jobs: definition.jobs ?? old?.jobs,
    retention: definition.retention ?? old?.retention,
  };
}

/** As if everything in it had been added or changed. */
export function reportOf(
  old: WorkflowDefinition | undefined,
  definition: WorkflowDefinition,
): ApplyReport {
  const added = (definition.handlers ?? []).map(({ name }) => name);
  const steps = Object.keys(definition.steps ?? {});
  return {
    workflow: definition.workflow,
    created: old === undefined,
    handlers: { added, updated: [], removed: [], unchanged: [], kept: [] },
    steps: { changed: steps, unchanged: [] },
    jobs: { changed: Object.keys(definition.jobs ?? {}), unchanged: [] },
    differences: steps.map((name) => ({
      entity: "step",
      name,
      change: old === undefined ? "added" : "changed",
      fields: old === undefined ? {} : { retries: { before: 3, after: 5 } },
    })),
  };
}

/** Undefined for a deletion. */
export function changedEntity(
  definition: WorkflowDefinition,
  change: EntityChange,
  revision: number,
): { readonly definition: WorkflowDefinition; readonly view: StepView | JobView } | undefined {
  if (change.action === "delete") return undefined;
  const { name } = change;
  if (change.entity === "step") {
    const steps = { ...definition.steps, [name]: change.value };
    return { definition: { ...definition, steps }, view: { name, revision, ...change.value } };
  }
  const jobs = { ...definition.jobs, [name]: change.value };
  return { definition: { ...definition, jobs }, view: { name, revision, ...change.value } };
}
