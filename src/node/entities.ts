/** Steps, jobs and handlers one at a time: what a change makes of the definitions. Pure. */
import type { EntityChange, WrittenStep } from "../api/ports.ts";
import type { Command, StepInput } from "../scheduler/commands.ts";
import type { JobDefinition, PlanRow, StepDefinition } from "../scheduler/rows.ts";
import { unreachable } from "../std/assert.ts";
import { ClusterError } from "./cluster-errors.ts";

/** All definitions, as a command gives them. */
export type Definitions = Pick<Extract<Command, { kind: "define" }>, "handlers" | "steps" | "jobs">;

/** The definitions of a plan, as a command would give them. */
export function definitionsOf(plan: PlanRow): Definitions {
  return {
    handlers: plan.handlers,
    steps: plan.steps.map(namingHandlers),
    jobs: plan.jobs,
  };
}

function namingHandlers({ mapper, combiner, reducer, ...rest }: StepDefinition): StepInput {
  return {
    ...rest,
    map: mapper.handler.name,
    combine: combiner?.handler.name,
    reduce: reducer.handler.name,
  };
}

/** A step as a command gives it. */
export function stepInput(name: string, step: WrittenStep): StepInput {
  const { map, combine, reduce, partitions, retries, timeoutMs, onFailure, description } = step;
  const limits = { partitions, retries, timeoutMs, onFailure };
  return { name, description, map, combine: combine ?? undefined, reduce, ...limits };
}

/**
 * The definitions after the change.
 * @throws {ClusterError} `STEP_UNKNOWN`, `JOB_UNKNOWN`, `HANDLER_UNKNOWN`, `STEP_EXISTS`,
 * `JOB_EXISTS`, `STEP_IN_USE`, `HANDLER_IN_USE`, `REVISION_CHANGED`.
 */
export function changedDefinitions(plan: PlanRow, change: EntityChange): Definitions {
  const now = definitionsOf(plan);
  switch (change.entity) {
    case "step": {
      const place = placeOf(change, { names: now.steps, revisions: plan.revisions.steps });
      if (change.action === "delete") {
        refuseUsed(change, jobsWith(plan, change.name));
        return { ...now, steps: without(now.steps, place) };
      }
      return { ...now, steps: withItem(now.steps, place, stepInput(change.name, change.value)) };
    }
    case "job": {
      const place = placeOf(change, { names: now.jobs, revisions: plan.revisions.jobs });
      if (change.action === "delete") return { ...now, jobs: without(now.jobs, place) };
      const job: JobDefinition = { name: change.name, ...change.value };
      return { ...now, jobs: withItem(now.jobs, place, job) };
    }
    case "handler": {
      const names = now.handlers.map(({ handler }) => handler);
      const place = placeOf(change, { names, revisions: plan.revisions.handlers });
      refuseUsed(change, stepsWith(now.steps, change.name));
      return { ...now, handlers: without(now.handlers, place) };
    }
    default:
      return unreachable(change);
  }
}

const CODES = {
  step: { unknown: "STEP_UNKNOWN", exists: "STEP_EXISTS", used: "STEP_IN_USE" },
  job: { unknown: "JOB_UNKNOWN", exists: "JOB_EXISTS", used: "STEP_IN_USE" },
  handler: { unknown: "HANDLER_UNKNOWN", exists: "HANDLER_IN_USE", used: "HANDLER_IN_USE" },
} as const satisfies Record<EntityChange["entity"], Record<string, string>>;

function entityUnknown(entity: EntityChange["entity"], name: string): ClusterError {
  return new ClusterError({ code: CODES[entity].unknown }, `there is no ${entity} named ${name}`);
}

/** The one of that name. @throws {ClusterError} `STEP_UNKNOWN` and the others when there is none. */
export function named<View extends { readonly name: string }>(
  entity: EntityChange["entity"],
  name: string,
  views: readonly View[],
): View {
  const found = views.find((view) => view.name === name);
  if (found === undefined) throw entityUnknown(entity, name);
  return found;
}

/** Where the entity is, or where a new one goes, after the change's conditions have been checked. */
function placeOf(
  change: EntityChange,
  known: {
    readonly names: readonly { readonly name: string }[];
    readonly revisions: readonly number[];
  },
): number {
  const { entity, name, action } = change;
  const place = known.names.findIndex((one) => one.name === name);
  if (action === "create") {
    if (place === -1) return known.names.length;
    throw new ClusterError({ code: CODES[entity].exists }, `there is a ${entity} ${name} already`);
  }
  if (place === -1) throw entityUnknown(entity, name);
  const revision = known.revisions[place] ?? 0;
  if (change.revision !== undefined && change.revision !== revision) {
    throw new ClusterError(
      { code: "REVISION_CHANGED", revision },
      `${entity} ${name} has changed meanwhile: its revision is ${revision}`,
    );
  }
  return place;
}

function without<T>(items: readonly T[], place: number): readonly T[] {
  return items.filter((_, at) => at !== place);
}

function withItem<T>(items: readonly T[], place: number, item: T): readonly T[] {
  return [...items.slice(0, place), item, ...items.slice(place + 1)];
}

function jobsWith(plan: PlanRow, step: string): readonly string[] {
  return plan.jobs.filter((job) => job.step === step).map(({ name }) => `job ${name}`);
}

function stepsWith(steps: readonly StepInput[], handler: string): readonly string[] {
  return steps
    .filter(({ map, combine, reduce }) => [map, combine, reduce].includes(handler))
    .map(({ name }) => `step ${name}`);
}

function refuseUsed(change: EntityChange, users: readonly string[]): void {
  if (users.length === 0) return;
  const { entity, name } = change;
  throw new ClusterError(
    { code: CODES[entity].used, users },
    `the ${entity} ${name} is used by ${users.slice(0, 5).join(", ")}`,
  );
}
