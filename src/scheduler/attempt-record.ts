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
import type {
  AttemptRow,
  AttemptTimes,
  BadEndCounts,
  BadEndKind,
  HistoryRow,
  RequestRow,
} from "./rows.ts";
import type { Token } from "./unit.ts";
import type { AttemptRun, EnforcedLimit, Outcome, Printed, WorkError, WorkerExit } from "./work.ts";

/** Rows of failures and losses kept for one request that had a unit fail for good, the newest. */
const FINAL_ENDS_MAX = 200;

/** Rows of failures and losses kept for one request after which the unit was tried again, the newest. */
const RETRIED_ENDS_MAX = 200;

/**
 * Rows of attempts kept for one request that were given back, the newest: a unit that waits in a node's
 * line too long is given back again and again, and none of that tells more than the last ones do.
 */
const RELEASED_ENDS_MAX = 50;

/** Places of each kind, so that what is frequent and harmless never drives out why something failed. */
export const BAD_END_PLACES: BadEndCounts = {
  final: FINAL_ENDS_MAX,
  retried: RETRIED_ENDS_MAX,
  released: RELEASED_ENDS_MAX,
};

const BAD_END_KINDS = ["final", "retried", "released"] as const;

/** Before the first one. */
export const NO_BAD_ENDS: BadEndCounts = { final: 0, retried: 0, released: 0 };

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
  readonly limits?: readonly EnforcedLimit[] | undefined;
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

/**
 * R26: what is added to the losses of a unit that is over and runs again, far above all losses that a unit
 * may have. So its attempts are known by rows that are read in any case.
 */
export const AGAIN = 1024;

type Losses = Pick<Attempt, "losses">;

/** Whether the attempt is of a unit that is over and runs again. */
export function isAgain({ losses }: Losses): boolean {
  return losses >= AGAIN;
}

/** Executors that the unit has lost. */
export function lossesOf({ losses }: Losses): number {
  return losses % AGAIN;
}

/** Attempts of its unit with this one, as rows count them: what was given back does not count. */
export function attemptsWith(attempt: Pick<Attempt, "failures" | "losses">): number {
  return attempt.failures + lossesOf(attempt) + 1;
}

/** How the worker ended that an attempt took with it. */
export function exitOf(outcome: Outcome): WorkerExit | undefined {
  return outcome.kind === "failed" || outcome.kind === "released" ? outcome.exit : undefined;
}

/** What the attempt's handlers were held to, where its executor has told. */
export function limitsOf(outcome: Outcome): readonly EnforcedLimit[] | undefined {
  return "limits" in outcome ? outcome.limits : undefined;
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

/** Keeps a row about an attempt that ended well. */
export function noteDone(tx: WorkflowTransaction, end: Ended): void {
  tx.put(keys.history(end.attempt.unit, end.token), historyRow(end, "done", undefined));
}

/**
 * Keeps a row about an attempt that did not end well, in the place of the oldest of its kind when there
 * are many. `isFinal`: its unit is not tried again, unless by a person.
 */
export function noteBadEnd(
  tx: WorkflowTransaction,
  end: Ended,
  what: {
    readonly how: Exclude<HistoryRow["how"], "done">;
    readonly error: WorkError | undefined;
    readonly isFinal: boolean;
  },
): void {
  const sequence = end.attempt.unit.request;
  const kind = badEndKind(what);
  const request = requestOf(tx, sequence);
  const { badEnds } = request;
  const key = keys.badEnd(sequence, kind, badEnds[kind] % BAD_END_PLACES[kind]);
  tx.put(key, historyRow(end, what.how, what.error));
  putRequest(tx, sequence, { ...request, badEnds: { ...badEnds, [kind]: badEnds[kind] + 1 } });
}

function badEndKind(what: {
  readonly how: HistoryRow["how"];
  readonly isFinal: boolean;
}): BadEndKind {
  if (what.how === "released") return "released";
  return what.isFinal ? "final" : "retried";
}

function historyRow(
  { attempt, token, times, exit, limits }: Ended,
  how: HistoryRow["how"],
  error: WorkError | undefined,
): HistoryRow {
  const { unit, step, node } = attempt;
  const attempts = how === "released" ? attemptsWith(attempt) - 1 : attemptsWith(attempt);
  return { kind: "history", token, unit, step, node, ...times, how, attempts, error, exit, limits };
}

/** How many attempts that did not end well are not kept any more. */
export function forgottenBadEnds(request: Pick<RequestRow, "badEnds">): number {
  return forgottenTries(request) + forgottenOf(request, "released");
}

/** How many of these failed or were lost. */
export function forgottenTries(request: Pick<RequestRow, "badEnds">): number {
  return forgottenOf(request, "final") + forgottenOf(request, "retried");
}

function forgottenOf({ badEnds }: Pick<RequestRow, "badEnds">, kind: BadEndKind): number {
  return Math.max(0, badEnds[kind] - BAD_END_PLACES[kind]);
}

/** Keys of the rows of the newest attempts that did not end well, one of each kind that there was. */
export function newestBadEnds(
  request: number,
  { badEnds }: Pick<RequestRow, "badEnds">,
): readonly string[] {
  return BAD_END_KINDS.filter((kind) => badEnds[kind] > 0).map((kind) =>
    keys.badEnd(request, kind, (badEnds[kind] - 1) % BAD_END_PLACES[kind]),
  );
}
