/** What `apply` and `handler sync` come to: the next definitions and what differs. Pure. */
import type { ApplyReport, WorkflowDefinition } from "../api/ports.ts";
import type { Command, StepInput } from "../scheduler/commands.ts";
import type { HandlerDefinition, JobDefinition, PlanRow, Retention } from "../scheduler/rows.ts";
import { isSame } from "../std/equal.ts";
import { differencesOf } from "./differences.ts";
import { definitionsOf, stepInput } from "./entities.ts";

/** Definitions to write, and what to tell about them. */
export interface PlannedDefinition {
  readonly command: Omit<Extract<Command, { kind: "define" }>, "revision">;
  readonly report: ApplyReport;
  /** False when there is nothing to write. */
  readonly changes: boolean;
}

/** Compares what is wanted with what there is. `handlers` are the checked ones of the definition. */
export function planDefinition(input: {
  readonly definition: WorkflowDefinition;
  readonly handlers: readonly HandlerDefinition[] | undefined;
  /** Those that come with the steps: beside the others. */
  readonly stepHandlers?: readonly HandlerDefinition[];
  readonly plan: PlanRow;
  readonly description: string;
  readonly retention: Retention | undefined;
  readonly weight: number;
  readonly created: boolean;
  readonly force: boolean;
}): PlannedDefinition {
  const { definition, plan } = input;
  const steps = nextSteps(definition, plan);
  const jobs = nextJobs(definition, plan);
  const handlers = nextHandlers(input, steps);
  const stepChanges = compare(
    steps.map((step) => [step.name, stepText(step)]),
    definitionsOf(plan).steps.map((step) => [step.name, stepText(step)]),
  );
  const jobChanges = compare(
    jobs.map((job) => [job.name, JSON.stringify([job.step, job.description])]),
    plan.jobs.map((job) => [job.name, JSON.stringify([job.step, job.description])]),
  );
  const description = definition.description ?? input.description;
  const retention =
    definition.retention === undefined ? input.retention : (definition.retention ?? undefined);
  const weight = definition.weight ?? input.weight;
  const report: ApplyReport = {
    workflow: definition.workflow,
    created: input.created,
    handlers: handlers.report,
    steps: { changed: stepChanges.changed, unchanged: stepChanges.unchanged },
    jobs: { changed: jobChanges.changed, unchanged: jobChanges.unchanged },
    differences: differencesOf(
      { ...input, ...definitionsOf(plan) },
      { description, retention, weight, handlers: handlers.next, steps, jobs },
      { workflow: definition.workflow, created: input.created },
    ),
  };
  const { added, updated, removed } = handlers.report;
  const changes =
    added.length + updated.length + removed.length > 0 ||
    stepChanges.changed.length + jobChanges.changed.length > 0 ||
    description !== input.description ||
    weight !== input.weight ||
    !isSame(retention, input.retention);
  const command = {
    kind: "define",
    description,
    retention,
    weight,
    handlers: handlers.next,
    steps,
    jobs,
  } as const;
  return { command, report, changes };
}

function nextSteps(definition: WorkflowDefinition, plan: PlanRow): readonly StepInput[] {
  if (definition.steps === undefined) {
    return definitionsOf(plan).steps;
  }
  return Object.entries(definition.steps).map(([name, step]) => stepInput(name, step));
}

function nextJobs(definition: WorkflowDefinition, plan: PlanRow): readonly JobDefinition[] {
  if (definition.jobs === undefined) return plan.jobs;
  return Object.entries(definition.jobs).map(([name, job]) => ({ name, ...job }));
}

function nextHandlers(
  input: {
    readonly handlers: readonly HandlerDefinition[] | undefined;
    readonly stepHandlers?: readonly HandlerDefinition[];
    readonly plan: PlanRow;
    readonly force: boolean;
  },
  steps: readonly StepInput[],
): { readonly next: readonly HandlerDefinition[]; readonly report: ApplyReport["handlers"] } {
  const before = new Map(input.plan.handlers.map((one) => [one.handler.name, one]));
  const { stepHandlers = [] } = input;
  const ofSteps = new Set(stepHandlers.map((one) => one.handler.name));
  const others = (input.handlers ?? input.plan.handlers).filter(
    ({ handler }) => !ofSteps.has(handler.name),
  );
  const wanted = [...others, ...stepHandlers];
  const used = new Set(
    steps.flatMap((step) => [
      step.map,
      step.reduce,
      ...(step.combine === undefined ? [] : [step.combine]),
    ]),
  );
  const names = new Set(wanted.map((one) => one.handler.name));
  const kept = input.plan.handlers.filter(
    ({ handler }) => !names.has(handler.name) && used.has(handler.name),
  );
  const isNew = (one: HandlerDefinition): boolean => !before.has(one.handler.name);
  const isChanged = (one: HandlerDefinition): boolean =>
    before.get(one.handler.name)?.handler.version !== one.handler.version || input.force;
  const nameOf = (one: HandlerDefinition): string => one.handler.name;
  const next = [...wanted, ...kept];
  const after = new Set(next.map(nameOf));
  return {
    next,
    report: {
      added: wanted.filter(isNew).map(nameOf),
      updated: wanted.filter((one) => !isNew(one) && isChanged(one)).map(nameOf),
      removed: [...before.keys()].filter((name) => !after.has(name)),
      unchanged: wanted.filter((one) => !isNew(one) && !isChanged(one)).map(nameOf),
      kept: kept.map(nameOf),
    },
  };
}

function stepText(step: StepInput): string {
  const { name, map, combine, reduce, partitions, retries, timeoutMs, onFailure } = step;
  return JSON.stringify([
    name,
    map,
    combine ?? null,
    reduce,
    partitions,
    retries,
    timeoutMs,
    onFailure,
    step.description,
  ]);
}

function compare(
  next: readonly (readonly [string, string])[],
  before: readonly (readonly [string, string])[],
): { readonly changed: readonly string[]; readonly unchanged: readonly string[] } {
  const old = new Map(before);
  const names = new Set(next.map(([name]) => name));
  const gone = before.filter(([name]) => !names.has(name)).map(([name]) => name);
  const same = (pair: readonly [string, string]): boolean => old.get(pair[0]) === pair[1];
  return {
    changed: [...next.filter((pair) => !same(pair)).map(([name]) => name), ...gone],
    unchanged: next.filter(same).map(([name]) => name),
  };
}
