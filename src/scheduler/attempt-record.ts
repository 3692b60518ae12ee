/** What is kept of attempts that have ended, for people to look at. Nothing is decided by it. */
import {
  type Position,
  PRINTED_ROWS_MAX,
  putRequest,
  requestOf,
  WARNINGS_MAX,
  type WorkflowTransaction,
} from "./apply-kit.ts";
import { keys } from "./keys.ts";
import type { AttemptRow, AttemptTimes, HistoryRow, RequestRow } from "./rows.ts";
import type { Token } from "./unit.ts";
import type { AttemptRun, Outcome, Printed, WorkerExit } from "./work.ts";

/**
 * Rows of failed, lost and released attempts kept for one request, the newest: a unit that is given back
 * for days must not fill disks, and what went wrong last is what people look for.
 */
export const BAD_ENDS_MAX = 200;

/** One attempt of a block. */
export type Attempt = Pick<
  AttemptRow,
  "unit" | "step" | "node" | "failures" | "losses" | "grantedMs"
>;

/** An attempt that has ended, with the token that it had. */
export interface Ended {
  readonly attempt: Attempt;
  readonly token: Token;
  readonly times: AttemptTimes;
  readonly exit: WorkerExit | undefined;
}

/**
 * When an attempt ran, reckoned back from the stamp of the entry that says so. Its executor's durations
 * are held against what is known here: nothing begins before it was granted, or ends after its end.
 */
export function timesOf(
  { grantedMs }: Attempt,
  { stampMs }: Position,
  run: AttemptRun | undefined,
): AttemptTimes {
  // Stamps of two leaders may differ.
  const notedMs = Math.max(grantedMs, stampMs);
  if (run === undefined) return { grantedMs, startedMs: undefined, endedMs: notedMs };
  const endedMs = Math.max(grantedMs, notedMs - run.agoMs);
  return { grantedMs, startedMs: Math.max(grantedMs, endedMs - run.tookMs), endedMs };
}

/** How the worker ended that an attempt took with it. */
export function exitOf(outcome: Outcome): WorkerExit | undefined {
  return outcome.kind === "failed" || outcome.kind === "released" ? outcome.exit : undefined;
}

/** Adds to the warnings of a request, as long as there are few. */
export function addWarnings(
  tx: WorkflowTransaction,
  sequence: number,
  warnings: readonly string[],
): void {
  if (warnings.length === 0) return;
  const request = requestOf(tx, sequence);
  const kept = [...request.warnings, ...warnings].slice(0, WARNINGS_MAX);
  putRequest(tx, sequence, { ...request, warnings: kept });
}

/** Keeps what an attempt printed, in the place of the oldest such row when there are many. */
export function keepPrinted(
  tx: WorkflowTransaction,
  { attempt, times }: Ended,
  printed: Printed,
): void {
  const { unit, step, node } = attempt;
  const request = requestOf(tx, unit.request);
  const key = keys.printed(unit.request, request.printedCount % PRINTED_ROWS_MAX);
  tx.put(key, { kind: "printed", unit, step, node, ...times, printed });
  putRequest(tx, unit.request, { ...request, printedCount: request.printedCount + 1 });
}

/** Keeps a row about the ended attempt; a bad end takes the place of the oldest when there are many. */
export function note(
  tx: WorkflowTransaction,
  end: Ended,
  what: Pick<HistoryRow, "how" | "error">,
): void {
  const { attempt, token, times, exit } = end;
  const { unit, step, node } = attempt;
  const row: HistoryRow = { kind: "history", token, unit, step, node, ...times, ...what, exit };
  if (what.how === "done") {
    tx.put(keys.history(unit, token), row);
    return;
  }
  const request = requestOf(tx, unit.request);
  tx.put(keys.badEnd(unit.request, request.badEndCount % BAD_ENDS_MAX), row);
  putRequest(tx, unit.request, { ...request, badEndCount: request.badEndCount + 1 });
}

/** How many attempts that did not end well are not kept any more. */
export function forgottenBadEnds({ badEndCount }: Pick<RequestRow, "badEndCount">): number {
  return Math.max(0, badEndCount - BAD_ENDS_MAX);
}

/** Where the row of the newest attempt is that did not end well; undefined when there was none. */
export function newestBadEnd({ badEndCount }: Pick<RequestRow, "badEndCount">): number | undefined {
  return badEndCount === 0 ? undefined : (badEndCount - 1) % BAD_ENDS_MAX;
}
