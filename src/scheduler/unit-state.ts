/**
 * What the rows of a request tell about one of its units. A child has no row of its own until it has
 * mapped: that it is there follows from its parent's count, how it ended from its parent's block.
 */
import { isLive } from "./apply-kit.ts";
import type { ChildResult, HistoryRow, InvocationRow, RequestRow, StepDefinition } from "./rows.ts";
import { retriesOf } from "./step-limits.ts";
import type { UnitRef } from "./unit.ts";

/** Where a unit is in its life; `failed` is for good. */
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
  readonly running: { readonly node: string; readonly grantedMs: number } | undefined;
}

/** The state of a unit. What says that it ended counts before what says that it runs: it was read later. */
export function stateOfUnit(unit: UnitRef, rows: UnitRows): UnitState {
  if (isDone(unit, rows)) return "done";
  if (hasFailed(unit, rows)) return "failed";
  // A reduction that nobody wants any more, since another part of the same invocation has failed.
  const isSkipped = unit.kind === "reduce" && rows.own?.state === "done";
  if (isSkipped || !isLive(rows.request)) return "cancelled";
  return rows.running === undefined ? "waiting" : "running";
}

/** Its children's pairs, its combined pairs or its result are there. */
function isDone(unit: UnitRef, { request, own, result, history }: UnitRows): boolean {
  if (unit.kind === "map") {
    if (own !== undefined) return true;
    if (unit.path.length === 0) return request.state === "succeeded";
    return result !== undefined && !result.skipped;
  }
  if (own !== undefined && own.reduceDone === own.reduceCount) return true;
  return history.some(({ how }) => how === "done");
}

function hasFailed(unit: UnitRef, rows: UnitRows): boolean {
  const { request, own, result, history, step } = rows;
  if (request.state === "failed" && isBlamed(unit, request)) return true;
  if (unit.kind === "map") return result?.skipped === true;
  if (own?.state !== "done") return false;
  // The only part of a skipped invocation is what failed; of several, the one that was out of retries.
  const failures = history.filter(({ how }) => how === "failed").length;
  return own.reduceCount === 1 || failures > retriesOf(step);
}

/** Whether the request failed by this unit, or is paused for it. */
export function isBlamed(unit: UnitRef, { failure }: RequestRow): boolean {
  const blamed = failure?.unit;
  if (blamed === undefined || blamed.kind !== unit.kind) return false;
  const isSamePart = unit.kind === "map" || (blamed.kind === "reduce" && blamed.part === unit.part);
  return isSamePart && blamed.path.join(".") === unit.path.join(".");
}
