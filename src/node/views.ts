/** Rows of the replicated state as the API shows them. Pure. */
import type { AttemptView } from "../api/attempt-view.ts";
import type {
  HandlerView,
  JobDefinition,
  JobView,
  RequestError,
  RequestView,
  StepDefinition,
  StepProgress,
  StepView,
} from "../api/ports.ts";
import { openPlaces, tokenAt, unitAt } from "../scheduler/attempt-block.ts";
import { resultsOf } from "../scheduler/block-row.ts";
import type {
  AttemptRow,
  AttemptTimes,
  BlockRow,
  HistoryRow,
  PlanRow,
  PrintedRow,
  RequestRow,
  StepCount,
  StepDefinition as StepRow,
} from "../scheduler/rows.ts";
import { retriesOf, timeoutMsOf } from "../scheduler/step-limits.ts";
import { invocationId, requestId, type Token, type UnitRef } from "../scheduler/unit.ts";
import type { WorkerExit } from "../scheduler/work.ts";
import { liveName } from "./output-views.ts";

/** A moment as people and programs read it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A request without its result, which is read apart. */
export function requestView(
  row: RequestRow,
  names: { readonly request: string; readonly workflow: string; readonly group: number },
): RequestView {
  return {
    request: names.request,
    workflow: names.workflow,
    job: row.job,
    state: row.state,
    revision: row.revision,
    submittedAt: isoTime(row.submittedMs),
    endedAt: row.endedMs === undefined ? null : isoTime(row.endedMs),
    result: null,
    error: errorView(row, names.request),
    steps: progressView(row.steps),
    warnings: row.warnings,
    keptAs: row.keptAs ?? null,
    retryOf: row.retryOf === undefined ? null : requestId(names.workflow, names.group, row.retryOf),
  };
}

/** How far each step is. */
export function progressView(steps: readonly StepCount[]): StepProgress {
  return Object.fromEntries(
    steps.map(({ step, total, done, failed }) => [step, { total, done, failed }]),
  );
}

function errorView(row: RequestRow, request: string): RequestError | null {
  if (row.failure === undefined) return null;
  const { error, unit } = row.failure;
  return {
    code: error.code,
    message: error.message,
    invocation: unit === undefined ? null : invocationId(request, unit.path),
    traceback: error.traceback,
    stdout: error.stdout,
    stderr: error.stderr,
  };
}

/** What attempts share, whatever row they are in. */
export interface AttemptNames {
  readonly request: string;
  readonly nodeName: (node: string) => string;
}

function attemptView(
  unit: UnitRef,
  row: { readonly step: string; readonly node: string },
  names: AttemptNames,
): Pick<AttemptView, "invocation" | "step" | "node" | "nodeName" | "phase" | "part" | "live"> {
  return {
    invocation: invocationId(names.request, unit.path),
    step: row.step,
    node: row.node,
    nodeName: names.nodeName(row.node),
    phase: unit.kind,
    part: unit.kind === "map" ? null : unit.part,
    live: null,
  };
}

/** Of an attempt that ended well: its worker lives. */
const WELL = { error: null, exit: null, limits: null } as const;

function timesView({
  grantedMs,
  startedMs,
  endedMs,
}: AttemptTimes): Pick<AttemptView, "grantedAt" | "startedAt" | "endedAt"> {
  return {
    grantedAt: isoTime(grantedMs),
    startedAt: isoTime(startedMs ?? grantedMs),
    endedAt: isoTime(endedMs),
  };
}

function exitView(exit: WorkerExit | undefined): AttemptView["exit"] {
  if (exit === undefined) return null;
  return exit.kind === "code"
    ? { code: exit.code, signal: null }
    : { code: null, signal: exit.signal };
}

/** Attempts under way of one grant, under the token of its first. */
export function runningViews(
  row: AttemptRow,
  block: Token,
  names: AttemptNames,
): readonly AttemptView[] {
  const grantedAt = isoTime(row.grantedMs);
  return openPlaces(row.open).map((at) => ({
    ...attemptView(unitAt(row, at), row, names),
    live: liveName(row.node, tokenAt(block, at)),
    state: "running",
    grantedAt,
    startedAt: grantedAt,
    endedAt: null,
    exit: null,
    limits: null,
    error: null,
    printed: null,
  }));
}

/** An attempt that has ended and has a row of its own. */
export function historyView(row: HistoryRow, names: AttemptNames): AttemptView {
  const { error = null, limits = null } = row;
  const end = { ...timesView(row), error, limits, exit: exitView(row.exit) };
  return { ...attemptView(row.unit, row, names), state: row.how, ...end, printed: null };
}

/** An attempt that ended well and has printed something. */
export function printedView(row: PrintedRow, names: AttemptNames): AttemptView {
  const end = { ...timesView(row), ...WELL, printed: row.printed };
  return { ...attemptView(row.unit, row, names), state: "done", ...end };
}

/** Leaves that were done, out of their parent's block. Other children have rows of their own. */
export function blockViews(
  block: BlockRow,
  parent: {
    readonly request: number;
    readonly path: readonly number[];
    readonly childStep: string;
  },
  names: AttemptNames,
): readonly AttemptView[] {
  return resultsOf(block)
    .filter(({ failureCode }) => failureCode === undefined)
    .map((result) => {
      const unit: UnitRef = {
        kind: "map",
        request: parent.request,
        path: [...parent.path, result.child],
      };
      const row = { step: parent.childStep, node: result.node };
      const end = { ...timesView(result), ...WELL, printed: null };
      return { ...attemptView(unit, row, names), state: "done", ...end };
    });
}

/** With what is in force, whoever says it. */
function stepView(step: StepRow): StepDefinition {
  return {
    map: step.mapper.handler.name,
    combine: step.combiner?.handler.name ?? null,
    reduce: step.reducer.handler.name,
    partitions: step.partitions,
    retries: retriesOf(step),
    timeoutMs: timeoutMsOf(step),
    onFailure: step.onFailure,
    description: step.description,
  };
}

export function stepViews(plan: PlanRow): Readonly<Record<string, StepDefinition>> {
  return Object.fromEntries(plan.steps.map((step) => [step.name, stepView(step)]));
}

export function jobViews(plan: PlanRow): Readonly<Record<string, JobDefinition>> {
  return Object.fromEntries(
    plan.jobs.map(({ name, step, description }) => [name, { step, description }]),
  );
}

/** Steps with their names and revisions. */
export function stepEntities(plan: PlanRow): readonly StepView[] {
  return plan.steps.map((step, at) => ({
    name: step.name,
    revision: plan.revisions.steps[at] ?? 0,
    ...stepView(step),
  }));
}

/** Jobs with their names and revisions. */
export function jobEntities(plan: PlanRow): readonly JobView[] {
  return plan.jobs.map((job, at) => ({ revision: plan.revisions.jobs[at] ?? 0, ...job }));
}

export function handlerViews(plan: PlanRow): readonly HandlerView[] {
  return plan.handlers.map(({ handler, capability, retries, timeoutMs, description }, at) => ({
    name: handler.name,
    revision: plan.revisions.handlers[at] ?? 0,
    version: handler.version,
    type: handler.type,
    language: handler.language,
    requiredCapability: capability,
    retries: retries ?? null,
    timeoutMs: timeoutMs ?? null,
    memoryBytes: handler.memoryBytes ?? null,
    description,
  }));
}
