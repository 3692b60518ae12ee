/** What clients' commands do to the state. Each is answered; a refusal changes nothing. */

import { refused } from "./answers.ts";
import { endRequest } from "./apply-invocation.ts";
import {
  enqueueUnit,
  isLive,
  type Position,
  putQueueRow,
  putRequest,
  requestOf,
  requestOfQueueRow,
  rowOf,
  type WorkflowTransaction,
} from "./apply-kit.ts";
import type { Command, StepInput } from "./commands.ts";
import { keys, META_KEY, queueKeyOfParked } from "./keys.ts";
import type { Answer, HandlerDefinition, PlanRow, StepDefinition } from "./rows.ts";

/** A capability is part of queue keys: what breaks their form would never be granted. */
const CAPABILITY = /^[!-.0-~]+$/;

/** A command that came before the group's first: every replica must survive it, so it is refused. */
function notActive(): Extract<Answer, { kind: "refused" }> {
  return {
    kind: "refused",
    code: "WORKFLOW_NOT_ACTIVE",
    message: "the workflow is being made; try again in a moment",
  };
}

/** The group's first command. */
export function applyCreate(
  tx: WorkflowTransaction,
  command: Extract<Command, { kind: "create" }>,
): Answer {
  if (tx.get(META_KEY) !== undefined) return { kind: "ok" };
  const { group, name, description } = command;
  tx.put(META_KEY, { kind: "meta", group, name, description, nextRequest: 1, plan: 0 });
  tx.put(keys.plan(0), { kind: "plan", handlers: [], steps: [], jobs: [] });
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
  const handlers = new Map(command.handlers.map((one) => [one.handler.name, one]));
  for (const { handler, capability } of command.handlers) {
    if (!CAPABILITY.test(capability)) {
      return refused("HANDLER_METADATA_INVALID", `${handler.name} requires what is no label`);
    }
    if (tx.get(keys.source(handler.version)) === undefined) {
      return refused("HANDLER_SOURCE_MISSING", `the source of ${handler.name} was not stored`);
    }
  }
  const steps: StepDefinition[] = [];
  for (const input of command.steps) {
    if (!Number.isSafeInteger(input.partitions) || input.partitions < 1) {
      return refused("WORKFLOW_INVALID", `the step ${input.name} has no partitions`);
    }
    const step = resolveStep(input, handlers);
    if ("kind" in step) return step;
    steps.push(step);
  }
  for (const job of command.jobs) {
    if (!steps.some((step) => step.name === job.step)) {
      return refused(
        "STEP_UNKNOWN",
        `the job ${job.name} begins with an unknown step: ${job.step}`,
      );
    }
  }
  const plan: PlanRow = { kind: "plan", handlers: command.handlers, steps, jobs: command.jobs };
  // The log position is a number that only rises.
  const revision = at.index * 4096 + at.ordinal;
  tx.put(keys.plan(revision), plan);
  tx.put(META_KEY, { ...meta, description: command.description, plan: revision });
  tx.emit({ kind: "defined" });
  return { kind: "revision", revision };
}

function resolveStep(
  input: StepInput,
  handlers: ReadonlyMap<string, HandlerDefinition>,
): StepDefinition | Extract<Answer, { kind: "refused" }> {
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
    const code = found === undefined ? "HANDLER_UNKNOWN" : "HANDLER_WRONG_TYPE";
    const message = `the step ${input.name} needs a ${type} named ${name}`;
    return { kind: "refused", code, message };
  }
  if (combiner !== undefined && combiner.capability !== mapper?.capability) {
    // It works on the mapper's pairs where they are made.
    const message = `the combiner of ${input.name} must require what its mapper requires`;
    return { kind: "refused", code: "HANDLER_CAPABILITY_MISMATCH", message };
  }
  if (mapper === undefined || reducer === undefined) {
    return { kind: "refused", code: "HANDLER_UNKNOWN", message: `${input.name} lacks a handler` };
  }
  return { ...rest, mapper, combiner, reducer };
}

/** Stores the arguments and makes the root invocation ready. */
export function applySubmit(
  tx: WorkflowTransaction,
  at: Position,
  command: Extract<Command, { kind: "submit" }>,
): Answer {
  const meta = rowOf(tx, "meta", META_KEY);
  if (meta === undefined) return notActive();
  const plan = rowOf(tx, "plan", keys.plan(meta.plan));
  const job = plan?.jobs.find((one) => one.name === command.job);
  if (job === undefined) return refused("JOB_UNKNOWN", `there is no job named ${command.job}`);
  const step = plan?.steps.find((one) => one.name === job.step);
  if (step === undefined) return refused("STEP_UNKNOWN", `there is no step named ${job.step}`);
  const request = meta.nextRequest;
  tx.put(META_KEY, { ...meta, nextRequest: request + 1 });
  putRequest(tx, request, {
    kind: "request",
    job: job.name,
    initialStep: job.step,
    plan: meta.plan,
    state: "queued",
    submittedMs: at.stampMs,
    endedMs: undefined,
    arguments: command.arguments,
    result: undefined,
    failure: undefined,
    steps: [{ step: job.step, total: 1, done: 0, failed: 0 }],
    warnings: [],
    historyCount: 0,
  });
  const unit = { kind: "map", request, path: [] } as const;
  const row = { kind: "queue-unit", unit, step: job.step, failures: 0, losses: 0 } as const;
  enqueueUnit(tx, at, { step, row, order: 1 });
  return { kind: "request", request };
}

/** Ends a request that has not ended; one that has stays as it is. */
export function applyCancel(tx: WorkflowTransaction, at: Position, sequence: number): Answer {
  const request = rowOf(tx, "request", keys.request(sequence));
  if (request === undefined) return refused("REQUEST_UNKNOWN", "there is no such request");
  if (isLive(request)) endRequest(tx, at, sequence, { state: "cancelled" });
  return { kind: "ok" };
}

/** Lets a paused request run again. */
export function applyResume(tx: WorkflowTransaction, sequence: number): Answer {
  const request = rowOf(tx, "request", keys.request(sequence));
  if (request === undefined) return refused("REQUEST_UNKNOWN", "there is no such request");
  if (request.state !== "paused") {
    return refused("REQUEST_NOT_PAUSED", "only a paused request can be resumed");
  }
  putRequest(tx, sequence, { ...request, state: "running", failure: undefined });
  tx.emit({ kind: "request-resumed", request: sequence });
  return { kind: "ok" };
}

/** Brings a parked row back to its place, unless its request is paused again. */
export function applyUnpark(tx: WorkflowTransaction, key: string): void {
  const parked = rowOf(tx, "parked", key);
  if (parked === undefined) return;
  const request = requestOf(tx, requestOfQueueRow(parked.row));
  if (request.state === "paused") return;
  tx.delete(key);
  if (isLive(request)) putQueueRow(tx, queueKeyOfParked(key), parked.row);
}
