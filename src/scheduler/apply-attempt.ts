/**
 * The life of an attempt: granted, then done, failed, lost or released (R17). R16: whatever is said
 * of an attempt counts only while its token is live, so a late answer changes nothing.
 */
import { assert, unreachable } from "../std/assert.ts";
import {
  countChild,
  type Ending,
  endRequest,
  finishInvocation,
  startChildren,
  startReduce,
} from "./apply-invocation.ts";
import {
  deleteQueueRow,
  enqueueUnit,
  findRequest,
  isLive,
  type Position,
  putRequest,
  requestOf,
  requestOfQueueRow,
  rowOf,
  stepOf,
  type WorkflowTransaction,
  withCount,
  withState,
} from "./apply-kit.ts";
import { applyListed, failurePolicy } from "./apply-listed.ts";
import {
  allOpen,
  GRANT_CHILDREN_MAX,
  isOpen,
  placeOfToken,
  unitAt,
  without,
} from "./attempt-block.ts";
import {
  AGAIN,
  type Attempt,
  addWarnings,
  attemptsWith,
  type Ended,
  exitOf,
  isAgain,
  keepPrinted,
  limitsOf,
  lossesOf,
  noteBadEnd,
  noteDone,
  timesOf,
} from "./attempt-record.ts";
import type { AttemptEnd, Command } from "./commands.ts";
import { type Dataset, datasetCount } from "./dataset.ts";
import { delay } from "./delays.ts";
import { keys } from "./keys.ts";
import { problem, problemOf } from "./outcome-fit.ts";
import { joinedOutputs, putOutput, voidOutputs } from "./reduce-outputs.ts";
import { replaceMade } from "./remade.ts";
import { awaitInputs, isRemade } from "./remake.ts";
import type { AttemptRow, HistoryRow, QueueRow } from "./rows.ts";
import { retriesOf } from "./step-limits.ts";
import { concludeAttempt, dropAttempt } from "./tree/apply-prepare.ts";
import { TOLD_PATH_LENGTH, type TreeError } from "./tree/errors.ts";
import type { Token, UnitRef } from "./unit.ts";
import type { Outcome, WorkError } from "./work.ts";

/** Executors that a unit may lose before it is taken for what kills them. */
export const LOSSES_MAX = 8;

/** After so many, the wait for the next executor doubles: a killer does little harm, bad times pass. */
const LOSSES_AT_ONCE = 2;
export const LOSS_WAIT_MS_MIN = 1_000;
const LOSS_WAIT_MS_MAX = 30_000;

/** Wait before the first repetition of a failed unit; doubles each time up to the maximum. */
export const BACKOFF_MS_MIN = 500;
export const BACKOFF_MS_MAX = 60_000;

/** A unit that is given back sooner than this after its grant waits for so long. */
export const RELEASE_MS_MIN = 500;

/** Lends the head of a queue row, all of what was asked for or nothing: when that is gone, or its request does not run. */
export function applyGrant(
  tx: WorkflowTransaction,
  at: Position,
  command: Extract<Command, { kind: "grant" }>,
): void {
  const row = queueRow(tx, command.queueKey);
  if (row === undefined) {
    refuse(tx, command, "gone");
    return;
  }
  const sequence = requestOfQueueRow(row);
  const request = findRequest(tx, sequence);
  if (request?.state !== "queued" && request?.state !== "running") {
    refuse(tx, command, "not-running");
    return;
  }
  const taken = takeHead(tx, command, row);
  if (taken === undefined) {
    refuse(tx, command, "other-child");
    return;
  }
  const attempt: AttemptRow = {
    kind: "attempt",
    ...taken,
    open: allOpen(command.count),
    node: command.node,
    executor: command.executor,
    grantedMs: at.stampMs,
  };
  const token: Token = { index: at.index, ordinal: at.ordinal };
  tx.put(keys.attempt(token), attempt);
  tx.emit({ kind: "granted", token, attempt });
  if (request.state === "queued") putRequest(tx, sequence, withState(request, at, "running"));
}

function refuse(
  tx: WorkflowTransaction,
  command: Extract<Command, { kind: "grant" }>,
  why: "gone" | "not-running" | "other-child",
): void {
  const { queueKey, node, count } = command;
  tx.emit({ kind: "grant-refused", queueKey, node, count, why });
}

function queueRow(tx: WorkflowTransaction, key: string): QueueRow | undefined {
  const row = tx.get(key);
  if (row === undefined) return undefined;
  assert(row.kind === "queue-range" || row.kind === "queue-unit", "a queue key holds a queue row");
  return row;
}

function takeHead(
  tx: WorkflowTransaction,
  command: Extract<Command, { kind: "grant" }>,
  row: QueueRow,
): Omit<Attempt, "node" | "grantedMs"> | undefined {
  if (command.count < 1 || command.count > GRANT_CHILDREN_MAX) return undefined;
  if (row.kind === "queue-unit") {
    if (command.count > 1) return undefined;
    deleteQueueRow(tx, command.queueKey);
    return { unit: row.unit, step: row.step, failures: row.failures, losses: row.losses };
  }
  if (row.next !== command.child) return undefined;
  const next = row.next + command.count;
  if (next > row.end) return undefined;
  if (next === row.end) deleteQueueRow(tx, command.queueKey);
  else tx.put(command.queueKey, { ...row, next });
  const unit: UnitRef = { kind: "map", request: row.request, path: [...row.path, command.child] };
  return { unit, step: row.step, failures: 0, losses: 0 };
}

/** Records what an executor says of its attempt; `isAlone` in its command. */
export function applyEnd(
  tx: WorkflowTransaction,
  at: Position,
  said: AttemptEnd & { readonly isAlone: boolean },
): void {
  const { token, outcome, run, isAlone } = said;
  const attempt = endAttempt(tx, token, howOf(outcome));
  if (attempt === undefined) return;
  if (!isWanted(tx, attempt)) {
    dropAttempt(tx, at, token);
    return;
  }
  const told = { exit: exitOf(outcome), limits: limitsOf(outcome) };
  const end: Ended = { attempt, token, times: timesOf(attempt, at, run), ...told };
  const unfitting = problemOf(tx, attempt, outcome);
  const isGood = unfitting === undefined && howOf(outcome) === "done";
  const refusal = isGood
    ? concludeAttempt(tx, at, { token, request: attempt.unit.request, isAlone })
    : dropAttempt(tx, at, token);
  const error = unfitting ?? (refusal && problemOfFiles(refusal));
  if (error !== undefined) {
    failUnit(tx, at, { ...end, error });
    return;
  }
  switch (outcome.kind) {
    case "mapped":
    case "combined":
    case "reduced":
      addWarnings(tx, attempt.unit.request, outcome.warnings);
      if (outcome.printed !== undefined) keepPrinted(tx, end, outcome.printed);
      applyDone(tx, at, { ...end, outcome });
      return;
    case "listed":
      addWarnings(tx, attempt.unit.request, outcome.warnings);
      noteDone(tx, end);
      applyListed(tx, at, { request: attempt.unit.request, step: attempt.step, listed: outcome });
      return;
    case "failed":
      failUnit(tx, at, { ...end, error: outcome.error });
      return;
    case "released":
      requeue(tx, at, { ...end, how: "released", reason: outcome.reason });
      return;
    case "lacking":
      applyLacking(tx, at, { ...end, ...outcome });
      return;
    default:
      unreachable(outcome);
  }
}

/** Takes a unit back from an executor that died or never got it. */
export function applyTakeBack(
  tx: WorkflowTransaction,
  at: Position,
  command: Extract<Command, { kind: "take-back" }>,
): void {
  const attempt = endAttempt(tx, command.token, command.how);
  if (attempt === undefined) return;
  dropAttempt(tx, at, command.token);
  if (!isWanted(tx, attempt)) return;
  const times = timesOf(attempt, at, undefined);
  const end: Ended = { attempt, token: command.token, times, exit: undefined };
  requeue(tx, at, { ...end, how: command.how, reason: undefined });
}

/** False when the request has ended or is gone, or the invocation was skipped because another part failed. */
function isWanted(tx: WorkflowTransaction, of: Pick<Attempt, "unit" | "losses">): boolean {
  const { unit } = of;
  if (isAgain(of)) return isRemade(tx, unit);
  const request = findRequest(tx, unit.request);
  if (request === undefined || !isLive(request)) return false;
  if (unit.kind === "map") return true;
  return rowOf(tx, "invocation", keys.invocation(unit.request, unit.path))?.state === "reducing";
}

/** The word for an outcome, as its executor means it. */
function howOf(outcome: Outcome): HistoryRow["how"] {
  if (outcome.kind === "lacking") return "released";
  return outcome.kind === "failed" || outcome.kind === "released" ? outcome.kind : "done";
}

function endAttempt(
  tx: WorkflowTransaction,
  token: Token,
  how: HistoryRow["how"],
): Attempt | undefined {
  const { block, at } = placeOfToken(token);
  const key = keys.attempt(block);
  const row = rowOf(tx, "attempt", key);
  if (row === undefined || !isOpen(row.open, at)) return undefined;
  const stays = how === "lost" && tx.bugs.staleCompletion === true;
  const open = stays ? row.open : without(row.open, at);
  if (open === 0) tx.delete(key);
  else tx.put(key, { ...row, open });
  const { node, step, failures, losses, grantedMs } = row;
  const unit = unitAt(row, at);
  tx.emit({ kind: "attempt-ended", token, node, unit, step, how });
  return { unit, node, step, failures, losses, grantedMs };
}

/** What the attempt wrote cannot come where it belongs: it has failed. */
function problemOfFiles({ code, message, details }: TreeError): WorkError {
  const { path } = details;
  return problem(
    code,
    path === undefined ? message : `${message}: ${path.slice(0, TOLD_PATH_LENGTH)}`,
  );
}

function applyDone(
  tx: WorkflowTransaction,
  at: Position,
  end: Ended & { readonly outcome: Extract<Outcome, { kind: "mapped" | "combined" | "reduced" }> },
): void {
  const { attempt, outcome } = end;
  const { unit } = attempt;
  const place = { request: unit.request, path: unit.path, step: attempt.step };
  const ending = endingOf(end);
  if (isAgain(attempt)) {
    noteDone(tx, end);
    const differs = replaceMade(tx, at, attempt, outcome);
    if (differs !== undefined) failDifferent(tx, at, attempt, differs);
    return;
  }
  switch (outcome.kind) {
    case "mapped": {
      noteDone(tx, end);
      startChildren(tx, at, place, {
        kind: "invocation",
        step: attempt.step,
        state: "children",
        childStep: outcome.step,
        data: outcome.children,
        childCount: datasetCount(outcome.children),
        childDone: 0,
        session: outcome.session,
        reduceCount: 0,
        reduceDone: 0,
        failedPart: undefined,
      });
      return;
    }
    case "combined":
      noteDone(tx, end);
      startReduce(tx, at, place, {
        kind: "invocation",
        step: attempt.step,
        state: "reducing",
        childStep: undefined,
        data: outcome.pairs,
        childCount: 0,
        childDone: 0,
        session: outcome.session,
        reduceCount: 0,
        reduceDone: 0,
        failedPart: undefined,
      });
      return;
    case "reduced":
      if (unit.kind === "map") {
        // A leaf below the root is told by its parent's block; the root has none.
        if (unit.path.length === 0) noteDone(tx, end);
        finishInvocation(tx, at, place, { parts: outcome.parts, ending });
        return;
      }
      noteDone(tx, end);
      applyReduced(tx, at, { ...end, part: unit.part, parts: outcome.parts });
      return;
    default:
      unreachable(outcome);
  }
}

/** R26: what was made again cannot take the place of what is lost. */
function failDifferent(
  tx: WorkflowTransaction,
  at: Position,
  { unit }: Attempt,
  differs: string,
): void {
  const text = `what was lost cannot be made again, since handlers came to something else: ${differs}`;
  const error = problem("HANDLER_NOT_PURE", text);
  endRequest(tx, at, unit.request, { state: "failed", failure: { error, unit } });
}

/** R26: the unit waits until its input is made again, or fails where nobody can do that. */
function applyLacking(
  tx: WorkflowTransaction,
  at: Position,
  end: Ended & Pick<Extract<Outcome, { kind: "lacking" }>, "lost" | "error">,
): void {
  const { error } = end;
  if (awaitInputs(tx, at, end, end.lost)) {
    const reason = problem("UNIT_GIVEN_BACK", error.message);
    noteBadEnd(tx, end, { how: "released", error: reason, isFinal: false });
  } else failUnit(tx, at, end);
}

function endingOf({ attempt, times }: Ended): Ending {
  return { node: attempt.node, attempts: attemptsWith(attempt), ...times };
}

/** Keeps what one unit made; after the last one the invocation is finished. */
function applyReduced(
  tx: WorkflowTransaction,
  at: Position,
  end: Ended & { readonly part: number; readonly parts: readonly Dataset[] },
): void {
  const { attempt } = end;
  const { request, path } = attempt.unit;
  const key = keys.invocation(request, path);
  const row = rowOf(tx, "invocation", key);
  assert(row?.state === "reducing", "reduce units exist while their invocation is reducing");
  const place = { request, path, step: attempt.step };
  const counted = { ...row, reduceDone: row.reduceDone + 1 };
  const isLast = counted.reduceDone === row.reduceCount;
  tx.put(key, isLast ? { ...counted, state: "done" } : counted);
  const isOnly = row.reduceCount === 1;
  if (!isOnly) putOutput(tx, place, { part: end.part, parts: end.parts });
  if (!isLast) return;
  const ending = endingOf(end);
  const parts = isOnly ? end.parts : joinedOutputs(tx, place, row.reduceCount);
  finishInvocation(tx, at, place, { parts, ending });
}

/** Counts a failure: tries again after a while, or does what the step says about failing for good. */
function failUnit(
  tx: WorkflowTransaction,
  at: Position,
  end: Ended & { readonly error: WorkError },
): void {
  const { attempt, error } = end;
  const { unit } = attempt;
  const step = stepOf(tx, requestOf(tx, unit.request), attempt.step);
  const isFinal = attempt.failures >= retriesOf(step);
  noteBadEnd(tx, end, { how: "failed", error, isFinal });
  if (!isFinal) {
    const waitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt.failures, 20));
    const { losses } = attempt;
    const failures = attempt.failures + 1;
    delay(tx, at, { unit, step: attempt.step, failures, losses }, waitMs);
    return;
  }
  const failure = { error, unit };
  const request = requestOf(tx, unit.request);
  const onFailure = failurePolicy(request, { error, step });
  if (onFailure === "pause") {
    const losses = isAgain(attempt) ? AGAIN : 0;
    const row = { kind: "queue-unit", unit, step: attempt.step, failures: 0, losses } as const;
    enqueueUnit(tx, at, { step, row });
    putRequest(tx, unit.request, { ...withState(request, at, "paused"), failure });
    return;
  }
  // A unit that is over has been counted, and its parent cannot go on without it any more.
  const again = isAgain(attempt);
  if (!again) putRequest(tx, unit.request, withCount(request, attempt.step, { failed: 1 }));
  if (!again && onFailure === "skip" && unit.path.length > 0) {
    skip(tx, at, end);
    return;
  }
  endRequest(tx, at, unit.request, { state: "failed", failure });
}

/** The invocation ends without a result; its parent goes on without it. */
function skip(
  tx: WorkflowTransaction,
  at: Position,
  end: Ended & { readonly error: WorkError },
): void {
  const { unit } = end.attempt;
  const { request, path } = unit;
  const key = keys.invocation(request, path);
  const row = rowOf(tx, "invocation", key);
  const { code } = end.error;
  const failedPart =
    unit.kind === "reduce"
      ? { part: unit.part, code, attempts: attemptsWith(end.attempt) }
      : undefined;
  if (row !== undefined) tx.put(key, { ...row, state: "done", failedPart });
  if (row !== undefined && row.reduceDone > 0) voidOutputs(tx, { request, path });
  const ending = endingOf(end);
  countChild(tx, at, { request, path }, { parts: [], failureCode: code, ending });
}

/** The unit is ready again; a unit that keeps losing its executors ends its request. */
function requeue(
  tx: WorkflowTransaction,
  at: Position,
  end: Ended & { readonly how: "lost" | "released"; readonly reason: string | undefined },
): void {
  const { attempt, how, reason } = end;
  const { unit, step, failures } = attempt;
  const error = reason === undefined ? undefined : problem("UNIT_GIVEN_BACK", reason);
  const losses = attempt.losses + (how === "lost" ? 1 : 0);
  const isFinal = lossesOf({ losses }) > LOSSES_MAX;
  noteBadEnd(tx, end, { how, error, isFinal });
  const request = requestOf(tx, unit.request);
  if (isFinal) {
    const dying = problem("UNIT_KEEPS_DYING", "every executor that ran the unit died");
    endRequest(tx, at, unit.request, { state: "failed", failure: { error: dying, unit } });
    return;
  }
  if (how === "released" && at.stampMs - attempt.grantedMs < RELEASE_MS_MIN) {
    // Given back at once: an executor that cannot run it must not be asked again in a hot loop.
    delay(tx, at, { unit, step, failures, losses }, RELEASE_MS_MIN);
    return;
  }
  const lost = lossesOf({ losses });
  if (how === "lost" && lost > LOSSES_AT_ONCE) {
    const waitMs = LOSS_WAIT_MS_MIN * 2 ** (lost - LOSSES_AT_ONCE - 1);
    delay(tx, at, { unit, step, failures, losses }, Math.min(waitMs, LOSS_WAIT_MS_MAX));
    return;
  }
  const row = { kind: "queue-unit", unit, step, failures, losses } as const;
  enqueueUnit(tx, at, { step: stepOf(tx, request, step), row });
}

/** A delayed unit is ready again. */
export function applyDue(tx: WorkflowTransaction, at: Position, key: string): void {
  const row = rowOf(tx, "delayed", key);
  if (row === undefined) return;
  tx.delete(key);
  tx.emit({ kind: "undelayed", key });
  if (!isWanted(tx, row)) return;
  const step = stepOf(tx, requestOf(tx, row.unit.request), row.step);
  enqueueUnit(tx, at, { step, row: { ...row, kind: "queue-unit" } });
}

/** Moves ready work of a request that does not run out of the way of the others. */
export function applySetAside(tx: WorkflowTransaction, key: string): void {
  const row = queueRow(tx, key);
  if (row === undefined) return;
  const sequence = requestOfQueueRow(row);
  const request = findRequest(tx, sequence);
  if (request?.state === "queued" || request?.state === "running") {
    // It was resumed meanwhile. Whoever leads has taken the row from its ready work already.
    tx.emit({ kind: "still-queued", key });
    return;
  }
  deleteQueueRow(tx, key);
  if (request?.state === "paused") tx.put(keys.parked(sequence, key), { kind: "parked", row });
}
