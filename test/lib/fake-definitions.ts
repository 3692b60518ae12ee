/** What the cluster in memory makes of changes of definitions. */
import type {
  ApplyReport,
  EntityChange,
  HandlerView,
  JobView,
  StepDefinition,
  StepView,
  WorkflowDefinition,
  WrittenStep,
} from "../../src/api/ports.ts";
import { RETRIES_DEFAULT, TIMEOUT_MS_DEFAULT } from "../../src/workflow/definition.ts";

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
    weight: definition.weight ?? old?.weight,
  };
}

/** Steps as they are shown; the handlers of this cluster say nothing. */
export function shownSteps(
  definition: WorkflowDefinition,
): Readonly<Record<string, StepDefinition>> {
  const steps = Object.entries(definition.steps ?? {});
  return Object.fromEntries(steps.map(([name, step]) => [name, shownStep(step)]));
}

function shownStep(step: WrittenStep): StepDefinition {
  const { retries = RETRIES_DEFAULT, timeoutMs = TIMEOUT_MS_DEFAULT } = step;
  return { ...step, retries, timeoutMs };
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
    const view = { name, revision, ...shownStep(change.value) };
    return { definition: { ...definition, steps }, view };
  }
  const jobs = { ...definition.jobs, [name]: change.value };
  return { definition: { ...definition, jobs }, view: { name, revision, ...change.value } };
}

/** The handlers of a definition, all of one revision. */
export function shownHandlers(
  definition: WorkflowDefinition,
  revision: number,
): readonly HandlerView[] {
  return (definition.handlers ?? []).map(({ name, language }) => ({
    ...{ name, revision, language, version: "0123456789abcdef", type: "mapper" },
    ...{ requiredCapability: "none", retries: null, timeoutMs: null, memoryBytes: null },
    description: "",
  }));
}
