/** What clients' commands do to the state. Each is answered; a refusal changes nothing. */

import { assert } from "../std/assert.ts";
import { isSame } from "../std/equal.ts";
import { type Refusal, refused } from "./answers.ts";
import { endRequest } from "./apply-invocation.ts";
import {
  findRequest,
  isLive,
  type Position,
  putQueueRow,
  putRequest,
  queueKeyOfRoot,
  requestOfQueueRow,
  requestToChange,
  revisionOf,
  rowOf,
  type WorkflowTransaction,
  withState,
} from "./apply-kit.ts";
import { enterBegun, pinPlan, replacePlan } from "./apply-retention.ts";
import { NO_BAD_ENDS } from "./attempt-record.ts";
import type { Command, RequestChange, StepInput } from "./commands.ts";
import type { Dataset } from "./dataset.ts";
import { keys, META_KEY, queueKeyOfParked } from "./keys.ts";
import type { ObjectInput } from "./objects.ts";
import type { Answer, HandlerDefinition, PlanRow, StepDefinition } from "./rows.ts";
import { checkSubmission, notActive } from "./submission.ts";

/** A capability is part of queue keys: what breaks their form would never be granted. */
const CAPABILITY = /^[!-.0-~]+$/;

/** The definitions of a workflow that has none. */
export const EMPTY_PLAN: PlanRow = {
  kind: "plan",
  handlers: [],
  steps: [],
  jobs: [],
  revisions: { handlers: [], steps: [], jobs: [] },
};

/** The group's first command. */
export function applyCreate(
  tx: WorkflowTransaction,
  command: Extract<Command, { kind: "create" }>,
): Answer {
  if (tx.get(META_KEY) !== undefined) return { kind: "ok" };
  const { group, name, description, weight } = command;
  tx.put(META_KEY, {
    kind: "meta",
    group,
    name,
    description,
    nextRequest: 1,
    newestMs: 0,
    plan: 0,
    retention: undefined,
    weight,
  });
  tx.put(keys.plan(0), EMPTY_PLAN);
  return { kind: "ok" };
}

/** Replaces all definitions; requests that run keep the plan that they pinned. */
export function applyDefine(
  tx: WorkflowTransaction,
  at: Position,
  command: Extract<Command, { kind: "define" }>,
): Answer {
  const meta = rowOf(tx, "meta", META_KEY);
  if (meta === undefined) return notActive();
  if (meta.plan !== command.revision) {
    return refused("DEFINITION_CHANGED", "somebody else has changed the definitions meanwhile");
  }
  for (const definition of command.handlers) {
    const { handler } = definition;
    const invalid = refusedCapability(definition);
    if (invalid !== undefined) return invalid;
    if (tx.get(keys.source(handler.version)) === undefined) {
      return refused("HANDLER_SOURCE_MISSING", `the source of ${handler.name} was not stored`);
    }
  }
  const steps = resolveSteps(command);
  if ("kind" in steps) return steps;
  const before = rowOf(tx, "plan", keys.plan(meta.plan));
  assert(before !== undefined, "the newest plan is kept");
  const revision = revisionOf(at);
  const plan = nextPlan(
    before,
    { handlers: command.handlers, steps, jobs: command.jobs },
    revision,
  );
  tx.put(keys.plan(revision), plan);
  const { description, retention, weight } = command;
  tx.put(META_KEY, { ...meta, description, retention, weight, plan: revision });
  replacePlan(tx, { old: meta.plan, next: plan });
  tx.emit({ kind: "defined", revision, description, weight });
  return { kind: "revision", revision };
}

/** What is to be defined, without what only the log knows. */
type Definitions = Pick<Extract<Command, { kind: "define" }>, "handlers" | "steps" | "jobs">;

/** Why definitions would be refused whatever workflow they are for; undefined when they fit together. */
export function refusalOf(definitions: Definitions): Refusal | undefined {
  for (const definition of definitions.handlers) {
    const invalid = refusedCapability(definition);
    if (invalid !== undefined) return invalid;
  }
  const steps = resolveSteps(definitions);
  return "kind" in steps ? steps : undefined;
}

function refusedCapability({ handler, capability }: HandlerDefinition): Refusal | undefined {
  if (CAPABILITY.test(capability)) return undefined;
  const message = `${handler.name} requires what is no label`;
  return { kind: "refused", code: "HANDLER_METADATA_INVALID", message };
}

/** The steps with their handlers, for jobs that all begin with one of them. */
function resolveSteps(definitions: Definitions): readonly StepDefinition[] | Refusal {
  const handlers = new Map(definitions.handlers.map((one) => [one.handler.name, one]));
  const steps: StepDefinition[] = [];
  for (const input of definitions.steps) {
    if (!Number.isSafeInteger(input.partitions) || input.partitions < 1) {
      const message = `the step ${input.name} has no partitions`;
      return { kind: "refused", code: "WORKFLOW_INVALID", message };
    }
    const step = resolveStep(input, handlers);
    if ("kind" in step) return step;
    steps.push(step);
  }
  for (const job of definitions.jobs) {
    if (steps.some((step) => step.name === job.step)) continue;
    const message = `the job ${job.name} begins with an unknown step: ${job.step}`;
    return { kind: "refused", code: "STEP_UNDEFINED", message };
  }
  return steps;
}

/** The new definitions; what has not changed keeps its revision. */
function nextPlan(
  before: PlanRow,
  next: Omit<PlanRow, "kind" | "revisions">,
  revision: number,
): PlanRow {
  const { handlers, steps, jobs } = before.revisions;
  return {
    kind: "plan",
    ...next,
    revisions: {
      handlers: revisionsOf(next.handlers.map(namedHandler), {
        items: before.handlers.map(namedHandler),
        revisions: handlers,
        revision,
      }),
      steps: revisionsOf(next.steps.map(writtenStep), {
        items: before.steps.map(writtenStep),
        revisions: steps,
        revision,
      }),
      jobs: revisionsOf(next.jobs, { items: before.jobs, revisions: jobs, revision }),
    },
  };
}

function namedHandler(definition: HandlerDefinition): { readonly name: string } {
  return { name: definition.handler.name, ...definition };
}

/** A step as it is written: another version of a handler is not another step. */
function writtenStep({ mapper, combiner, reducer, ...rest }: StepDefinition): {
  readonly name: string;
} {
  const names = [mapper, combiner, reducer].map((one) => one?.handler.name ?? null);
  return { ...rest, ...{ names } };
}

function revisionsOf(
  items: readonly { readonly name: string }[],
  old: {
    readonly items: readonly { readonly name: string }[];
    readonly revisions: readonly number[];
    readonly revision: number;
  },
): readonly number[] {
  const places = new Map(old.items.map((item, place) => [item.name, place]));
  return items.map((item) => {
    const place = places.get(item.name);
    if (place === undefined || !isSame(item, old.items[place])) return old.revision;
    return old.revisions[place] ?? old.revision;
  });
}

function resolveStep(
  input: StepInput,
  handlers: ReadonlyMap<string, HandlerDefinition>,
): StepDefinition | Refusal {
  const { map, combine, reduce, ...rest } = input;
  const mapper = handlers.get(map);
  const combiner = combine === undefined ? undefined : handlers.get(combine);
  const reducer = handlers.get(reduce);
  const wanted = [
    { name: map, found: mapper, type: "mapper" },
    { name: combine, found: combiner, type: "combiner" },
    { name: reduce, found: reducer, type: "reducer" },
  ] as const;
  for (const { name, found, type } of wanted) {
    if (name === undefined || found?.handler.type === type) continue;
    const code = found === undefined ? "HANDLER_UNDEFINED" : "HANDLER_WRONG_TYPE";
    const message = `the step ${input.name} needs a ${type} named ${name}`;
    return { kind: "refused", code, message };
  }
  if (combiner !== undefined && combiner.capability !== mapper?.capability) {
    // It works on the mapper's pairs where they are made.
    const message = `the combiner of ${input.name} must require what its mapper requires`;
    return { kind: "refused", code: "HANDLER_CAPABILITY_MISMATCH", message };
  }
  if (mapper === undefined || reducer === undefined) {
    return { kind: "refused", code: "HANDLER_UNDEFINED", message: `${input.name} lacks a handler` };
  }
  return { ...rest, mapper, combiner, reducer };
}

/** Stores the arguments and makes the root invocation ready. */
export function applySubmit(
  tx: WorkflowTransaction,
  at: Position,
  command: Extract<Command, { kind: "submit" | "submit-objects" }>,
): Answer {
  const objects = command.kind === "submit-objects" ? command.objects : undefined;
  return begin(tx, at, { ...command, objects, retryOf: undefined });
}

/** Begins a request once more, with the arguments that it had and the definitions of now. */
export function applyRetry(
  tx: WorkflowTransaction,
  at: Position,
  command: Extract<Command, { kind: "retry" }>,
): Answer {
  const old = rowOf(tx, "request", keys.request(command.request));
  if (old === undefined) return refused("REQUEST_UNKNOWN", "there is no such request");
  const { job, arguments: args, objects } = old;
  return begin(tx, at, {
    job,
    arguments: args,
    objects,
    keep: command.keep,
    retryOf: command.request,
  });
}

function begin(
  tx: WorkflowTransaction,
  at: Position,
  input: {
    readonly job: string;
    readonly arguments: Dataset;
    readonly objects: ObjectInput | undefined;
    readonly keep: string | undefined;
    readonly retryOf: number | undefined;
  },
): Answer {
  const check = checkSubmission(tx, input);
  if (check.kind === "refused") return check;
  const { meta, job, step } = check;
  const { keep, retryOf, objects } = input;
  const request = meta.nextRequest;
  enterBegun(tx, keep);
  if (keep !== undefined) tx.put(keys.kept(keep), { kind: "kept", request });
  tx.put(META_KEY, { ...meta, nextRequest: request + 1, newestMs: at.stampMs });
  pinPlan(tx, meta.plan);
  putRequest(tx, request, {
    kind: "request",
    job: job.name,
    initialStep: job.step,
    plan: meta.plan,
    state: "queued",
    revision: revisionOf(at),
    submittedMs: at.stampMs,
    endedMs: undefined,
    arguments: input.arguments,
    result: undefined,
    failure: undefined,
    steps: [{ step: job.step, total: 1, done: 0, failed: 0 }],
    warnings: [],
    badEnds: NO_BAD_ENDS,
    printedCount: 0,
    keptAs: keep,
    retryOf,
    objects,
  });
  const unit = { kind: "map", request, path: [] } as const;
  const row = { kind: "queue-unit", unit, step: job.step, failures: 0, losses: 0 } as const;
  putQueueRow(tx, queueKeyOfRoot(step, at), row);
  return { kind: "request", request, repeated: false };
}

/** Ends a request that has not ended; one that has stays as it is. */
export function applyCancel(tx: WorkflowTransaction, at: Position, change: RequestChange): Answer {
  const request = requestToChange(tx, change);
  if (request.kind === "refused") return request;
  if (isLive(request)) endRequest(tx, at, change.request, { state: "cancelled" });
  return { kind: "ok" };
}

/** Lets a paused request run again. */
export function applyResume(tx: WorkflowTransaction, at: Position, change: RequestChange): Answer {
  const request = requestToChange(tx, change);
  if (request.kind === "refused") return request;
  if (request.state !== "paused") {
    return refused("REQUEST_NOT_PAUSED", "only a paused request can be resumed");
  }
  putRequest(tx, change.request, { ...withState(request, at, "running"), failure: undefined });
  tx.emit({ kind: "request-resumed", request: change.request });
  return { kind: "ok" };
}

/** Brings a parked row back to its place, unless its request is paused again. */
export function applyUnpark(tx: WorkflowTransaction, key: string): void {
  const parked = rowOf(tx, "parked", key);
  if (parked === undefined) return;
  const request = findRequest(tx, requestOfQueueRow(parked.row));
  if (request?.state === "paused") return;
  tx.delete(key);
  if (request !== undefined && isLive(request)) putQueueRow(tx, queueKeyOfParked(key), parked.row);
}
