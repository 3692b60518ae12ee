/**
 * R26: a unit lacks input of which every copy is gone. Whoever made that runs again, and the unit waits;
 * what is made again takes the place of what was lost. Handlers are taken for pure: what comes of them
 * the second time may differ in its bytes, not in how many pairs and parts there are.
 *
 * A unit that runs again is over all the same: nothing is counted twice. Its attempts have tokens like
 * all others (R16), and count only while its `remake` row is open.
 */
import { assert } from "../std/assert.ts";
import {
  capabilityOf,
  findRequest,
  isLive,
  type Position,
  putQueueRow,
  requestOf,
  rowOf,
  stepOf,
  type WorkflowTransaction,
} from "./apply-kit.ts";
import { AGAIN, addWarnings, type Ended } from "./attempt-record.ts";
import { delay, hasten } from "./delays.ts";
import { keys, META_KEY } from "./keys.ts";
import { producersOf, type UnitOfStep } from "./producers.ts";
import type { RemakeRow } from "./rows.ts";
import { readAll } from "./transaction.ts";
import { requestId, type UnitRef, unitId, unitText } from "./unit.ts";
import type { LostRun } from "./work.ts";

/** Times that one unit is run again since what it made is lost: more is a cluster that loses everything. */
export const REMAKES_MAX = 3;

/** Units that are told at once when another one has made their input again; more wait for their time. */
export const WAITING_MAX = 64;

/** What waits for input that is made again looks for it after so long in any case. */
export const STARVED_WAIT_MS = 30_000;

/** What was replaced between a grant and its end is looked for once more, after so long. */
const CHANGED_WAIT_MS = 500;

const NO_REMAKE: RemakeRow = { kind: "remake", tries: 0, open: false, endedMs: 0, waiting: [] };

/** Whether attempts of a unit that is over count since it is to run again. */
export function isRemade(tx: WorkflowTransaction, unit: UnitRef): boolean {
  const request = findRequest(tx, unit.request);
  return request !== undefined && isLive(request) && remakeOf(tx, unit).open;
}

/**
 * Has what an attempt lacks made again, and its unit wait for that. False, and nothing is changed, where
 * that cannot be: an argument is lost, or the same unit's output again and again.
 */
export function awaitInputs(
  tx: WorkflowTransaction,
  at: Position,
  end: Ended,
  lost: readonly LostRun[],
): boolean {
  const { attempt } = end;
  const { unit, step, failures, losses } = attempt;
  const producers = new Map<string, UnitOfStep>();
  for (const producer of producersOf(tx, unit, lost)) {
    if (producer.kind === "client") return false;
    if (producer.kind === "unit") producers.set(unitText(producer.unit), producer);
  }
  readAll(
    tx,
    [...producers.values()].map((producer) => keys.remake(producer.unit)),
  );
  // What has been made again since the grant is where the rows say now.
  const lacking = [...producers.values()].filter((producer) => {
    const { open, endedMs } = remakeOf(tx, producer.unit);
    return open || endedMs === 0 || endedMs < attempt.grantedMs;
  });
  const isTooOften = lacking.some((producer) => {
    const { open, tries } = remakeOf(tx, producer.unit);
    return !open && tries >= REMAKES_MAX;
  });
  if (isTooOften) return false;
  const waitMs = lacking.length > 0 ? STARVED_WAIT_MS : CHANGED_WAIT_MS;
  const delayed = delay(tx, at, { unit, step, failures, losses }, waitMs);
  if (lacking.length === 0) return true;
  const waiter = keys.starved(unit.request, at);
  tx.put(waiter, { kind: "starved", delayed, left: lacking.length });
  const begun = lacking.filter((producer) => !remakeOf(tx, producer.unit).open);
  for (const [nth, producer] of lacking.entries()) runAgain(tx, at, { producer, nth, waiter });
  if (begun.length > 0) warn(tx, begun);
  return true;
}

/** The unit is ready once more, unless it is already, and tells that waiter when it is over. */
function runAgain(
  tx: WorkflowTransaction,
  at: Position,
  of: { readonly producer: UnitOfStep; readonly nth: number; readonly waiter: string },
): void {
  const { unit } = of.producer;
  const row = remakeOf(tx, unit);
  const waiting = row.waiting.length < WAITING_MAX ? [...row.waiting, of.waiter] : row.waiting;
  const tries = row.open ? row.tries : row.tries + 1;
  tx.put(keys.remake(unit), { ...row, tries, open: true, waiting });
  if (!row.open) enqueueAgain(tx, at, of.producer, of.nth);
}

/** `nth` tells the units that one end makes ready from each other. */
function enqueueAgain(
  tx: WorkflowTransaction,
  at: Position,
  { unit, step: name }: UnitOfStep,
  nth: number,
): void {
  const step = stepOf(tx, requestOf(tx, unit.request), name);
  const key = keys.queue(capabilityOf(step, unit), 0, at, nth);
  putQueueRow(tx, key, { kind: "queue-unit", unit, step: name, failures: 0, losses: AGAIN });
  tx.emit({ kind: "run-again", unit, step: name });
}

/** Whoever looks at the request sees why finished units run. */
function warn(tx: WorkflowTransaction, begun: readonly UnitOfStep[]): void {
  const [first] = begun;
  const meta = rowOf(tx, "meta", META_KEY);
  assert(first !== undefined && meta !== undefined, "a unit is one of a workflow that was made");
  const { unit } = first;
  const id = unitId(requestId(meta.name, meta.group, unit.request), unit);
  const what = begun.length === 1 ? id : `${id} and ${begun.length - 1} more`;
  const text = `every copy of what ${what} had made is lost: made again by running the handlers again`;
  addWarnings(tx, unit.request, [text]);
}

/** What the unit had made is there again: who waited for nothing else is ready now. */
export function endRemake(tx: WorkflowTransaction, at: Position, unit: UnitRef): void {
  const row = remakeOf(tx, unit);
  assert(row.open, "only what counts is made again");
  tx.put(keys.remake(unit), { ...row, open: false, endedMs: at.stampMs, waiting: [] });
  const waiters = readAll(tx, row.waiting);
  const delayed = waiters.flatMap((one) => (one?.kind === "starved" ? [one.delayed] : []));
  // All of them are asked for at once.
  readAll(tx, delayed);
  for (const [nth, key] of row.waiting.entries()) {
    const waiter = waiters[nth];
    if (waiter?.kind !== "starved") continue;
    if (waiter.left > 1) tx.put(key, { ...waiter, left: waiter.left - 1 });
    else {
      tx.delete(key);
      hasten(tx, at, waiter.delayed);
    }
  }
}

/** A leaf that was reduced in one piece has now been combined only: its reduction goes on in its place. */
export function passRemake(
  tx: WorkflowTransaction,
  at: Position,
  from: UnitRef,
  to: UnitOfStep,
): void {
  const row = remakeOf(tx, from);
  tx.put(keys.remake(from), { ...row, open: false, endedMs: at.stampMs, waiting: [] });
  tx.put(keys.remake(to.unit), { ...remakeOf(tx, to.unit), open: true, waiting: row.waiting });
  enqueueAgain(tx, at, to, 0);
}

function remakeOf(tx: WorkflowTransaction, unit: UnitRef): RemakeRow {
  return rowOf(tx, "remake", keys.remake(unit)) ?? NO_REMAKE;
}
