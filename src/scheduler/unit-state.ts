/**
 * What the rows of a request tell about one of its units. A child has no row of its own until it has
 * mapped: that it is there follows from its parent's count, how it ended from its parent's block.
 */
import { isLive } from "./apply-kit.ts";
import { forgottenTries } from "./attempt-record.ts";
import type {
  ChildResult,
  FailedPart,
  HistoryRow,
  InvocationRow,
  RequestRow,
  StepDefinition,
} from "./rows.ts";
import type { UnitRef } from "./unit.ts";

/**
 * Where a unit is in its life. `running`: a node has it, and nobody else knows whether it has begun there.
 * `failed` is for good.
 */
export type UnitState = "waiting" | "running" | "done" | "failed" | "cancelled";

/** All that is kept of one unit. */
export interface UnitRows {
  readonly request: RequestRow;
  /** The step that it runs. */
  readonly step: StepDefinition;
  /** Of the invocation that it maps or reduces, where that has a row. */
  readonly own: InvocationRow | undefined;
  /** How the invocation ended, in its parent's block. */
  readonly result: ChildResult | undefined;
  /** Its ended attempts as far as they have rows, the oldest first. */
  readonly history: readonly HistoryRow[];
  readonly granted:
    | { readonly node: string; readonly grantedMs: number; readonly attempts: number }
    | undefined;
}

/** The state of a unit. What says that it ended counts before what says that it is granted: it was read later. */
export function stateOfUnit(unit: UnitRef, rows: UnitRows): UnitState {
  if (isDone(unit, rows)) return "done";
  if (hasFailed(unit, rows)) return "failed";
  // A reduction that nobody wants any more, since another part of the same invocation has failed.
  const isSkipped = unit.kind === "reduce" && rows.own?.state === "done";
  if (isSkipped || !isLive(rows.request)) return "cancelled";
  return rows.granted === undefined ? "waiting" : "running";
}

/** Its children's pairs, its combined pairs or its result are there. */
function isDone(unit: UnitRef, { request, own, result, history }: UnitRows): boolean {
  if (unit.kind === "map") {
    if (own !== undefined) return own.listing?.closed ?? true;
    if (unit.path.length === 0) return request.state === "succeeded";
    return result !== undefined && result.failureCode === undefined;
  }
  if (own !== undefined && own.reduceDone === own.reduceCount) return true;
  return history.some(({ how }) => how === "done");
}

function hasFailed(unit: UnitRef, rows: UnitRows): boolean {
  if (rows.request.state === "failed" && isBlamed(unit, rows.request)) return true;
  return skippedFor(unit, rows) !== undefined;
}

/** By what the unit had its invocation skipped; undefined where it had not. However old, this is kept. */
export function skippedFor(
  unit: UnitRef,
  { own, result }: UnitRows,
): Pick<FailedPart, "code" | "attempts"> | undefined {
  if (unit.kind === "reduce") {
    return own?.failedPart?.part === unit.part ? own.failedPart : undefined;
  }
  if (own !== undefined || result?.failureCode === undefined) return undefined;
  return { code: result.failureCode, attempts: result.attempts };
}

/**
 * How many attempts the unit has had, with the one that is under way. What was given back does not count.
 * Undefined where it is not known: older ends of attempts are not kept, nor is the count in another row.
 */
export function attemptsOfUnit(unit: UnitRef, rows: UnitRows): number | undefined {
  const { own, result, history, granted, request } = rows;
  const counted = history.filter(({ how }) => how !== "released");
  // A pause begins a new count; what is kept of the time before it counts all the same.
  const atLeast = (attempts: number, more: number): number =>
    Math.max(attempts, counted.length + more);
  if (granted !== undefined && stateOfUnit(unit, rows) === "running") {
    return atLeast(granted.attempts, 1);
  }
  const skipped = skippedFor(unit, rows);
  if (skipped !== undefined) return atLeast(skipped.attempts, 0);
  // A leaf that is done is told by its parent's block alone.
  if (unit.kind === "map" && own === undefined && result !== undefined) {
    return atLeast(result.attempts, 1);
  }
  const last = history.at(-1);
  if (last !== undefined) return atLeast(last.attempts, 0);
  return forgottenTries(request) === 0 ? 0 : undefined;
}

/** Whether the request failed by this unit, or is paused for it. */
export function isBlamed(unit: UnitRef, { failure }: RequestRow): boolean {
  const blamed = failure?.unit;
  if (blamed === undefined || blamed.kind !== unit.kind) return false;
  const isSamePart = unit.kind === "map" || (blamed.kind === "reduce" && blamed.part === unit.part);
  return isSamePart && blamed.path.join(".") === unit.path.join(".");
}
