/**
 * How requests go: at their end they are entered among the finished ones; when they are removed, their
 * row becomes a tombstone at once, so nobody sees them any more, their workspace is removed, and what lies under them is deleted in
 * slices (R12). Whoever still refers to them (an attempt under way, a queue row) finds nothing and goes
 * too. Plans and sources go with the last that refers to them.
 */
import { assert } from "../std/assert.ts";
import { refused } from "./answers.ts";
import {
  isLive,
  type Position,
  PRINTED_ROWS_MAX,
  requestToChange,
  rowOf,
  type WorkflowTransaction,
} from "./apply-kit.ts";
import type { Command } from "./commands.ts";
import { datasetBytes } from "./dataset.ts";
import { isUnder, keys, META_KEY, placeOfExpiryKey, RETAINED_KEY } from "./keys.ts";
import type { Answer, PlanRow, RequestRow, RetainedRow } from "./rows.ts";
import { removeWorkspace } from "./tree/workspace.ts";
import { requestId } from "./unit.ts";

/** What a row of a request and its index take, roughly, beside the datasets. */
const ROW_BYTES = 256;

/** And what one has printed: mostly a few lines, at most 8 KiB. */
const PRINTED_ROW_BYTES = 1024;

/** Bytes by which a finished request counts: its arguments and result, a row for each invocation, and what was printed. */
export function bytesOfRequest(request: RequestRow): number {
  let rows = 1;
  for (const { total } of request.steps) rows += total;
  const printed = Math.min(request.printedCount, PRINTED_ROWS_MAX) * PRINTED_ROW_BYTES;
  const datasets = datasetBytes(request.arguments) + datasetBytes(request.result ?? []);
  return rows * ROW_BYTES + printed + datasets;
}

const NO_REQUESTS: RetainedRow = { kind: "retained", count: 0, bytes: 0, open: 0, kept: 0 };

/** Counts a request that begins. */
export function enterBegun(tx: WorkflowTransaction, keep: string | undefined): void {
  countRetained(tx, { open: 1, kept: keep === undefined ? 0 : 1 });
}

/** Enters a request that has just ended; one that is kept by name is only not open any more. */
export function enterEnded(tx: WorkflowTransaction, sequence: number, row: RequestRow): void {
  assert(row.endedMs !== undefined, "an ended request has a time of its end");
  if (row.keptAs !== undefined) {
    countRetained(tx, { open: -1 });
    return;
  }
  const bytes = bytesOfRequest(row);
  tx.put(keys.ended(row.endedMs, sequence), { kind: "ended", bytes });
  countRetained(tx, { open: -1, count: 1, bytes });
}

function countRetained(
  tx: WorkflowTransaction,
  add: Readonly<Partial<Record<"count" | "bytes" | "open" | "kept", number>>>,
): void {
  const row = rowOf(tx, "retained", RETAINED_KEY) ?? NO_REQUESTS;
  const next: RetainedRow = {
    kind: "retained",
    count: row.count + (add.count ?? 0),
    bytes: row.bytes + (add.bytes ?? 0),
    open: row.open + (add.open ?? 0),
    kept: row.kept + (add.kept ?? 0),
  };
  const least = Math.min(next.count, next.bytes, next.open, next.kept);
  assert(least >= 0, "no request leaves that has not come");
  tx.put(RETAINED_KEY, next);
}

/** Removes an ended request: it is unknown from now on. */
export function applyRemove(
  tx: WorkflowTransaction,
  at: Position,
  command: Extract<Command, { kind: "remove" }>,
): Answer {
  const { request: sequence } = command;
  const row = requestToChange(tx, command);
  if (row.kind === "refused") return row;
  if (isLive(row)) {
    return refused("REQUEST_NOT_ENDED", "only a request that has ended can be deleted; cancel it");
  }
  // Decided by a leader that did not know yet.
  if (command.expired && row.keptAs !== undefined) return { kind: "ok" };
  tx.delete(keys.request(sequence));
  tx.put(keys.removal(sequence), { kind: "removal" });
  if (row.keptAs === undefined) {
    assert(row.endedMs !== undefined, "an ended request has a time of its end");
    const key = keys.ended(row.endedMs, sequence);
    const ended = rowOf(tx, "ended", key);
    assert(ended !== undefined, "a finished request is entered among the finished ones");
    tx.delete(key);
    countRetained(tx, { count: -1, bytes: -ended.bytes });
  } else {
    tx.delete(keys.kept(row.keptAs));
    countRetained(tx, { kept: -1 });
  }
  unpinPlan(tx, row.plan);
  const meta = rowOf(tx, "meta", META_KEY);
  assert(meta !== undefined, "a request is one of a workflow that was made");
  removeWorkspace(tx, at, requestId(meta.name, meta.group, sequence));
  tx.emit({ kind: "request-removed", request: sequence });
  return { kind: "ok" };
}

/** Deletes a slice of what lies under a removed request; the tombstone goes with the last one. */
export function applyRemoveRows(
  tx: WorkflowTransaction,
  command: Extract<Command, { kind: "remove-rows" }>,
): void {
  const removal = keys.removal(command.request);
  if (rowOf(tx, "removal", removal) === undefined) return;
  const slice = tx.bugs.leaveRows === true ? command.keys.slice(1) : command.keys;
  for (const key of slice) if (isUnder(key, command.request)) tx.delete(key);
  if (command.last) tx.delete(removal);
}

/** Forgets answers under clients' keys. Each is named by its expiry row, and only once. */
export function applyForgetKeys(tx: WorkflowTransaction, expired: readonly string[]): void {
  for (const key of expired) {
    if (rowOf(tx, "expiry", key) === undefined) continue;
    tx.delete(key);
    const { stampMs, keyedKey } = placeOfExpiryKey(key);
    const keyed = rowOf(tx, "keyed", keyedKey);
    // The key may have been used again since.
    if (keyed?.stampMs === stampMs) tx.delete(keyedKey);
  }
}

/** A request begins with the newest plan. */
export function pinPlan(tx: WorkflowTransaction, revision: number): void {
  const key = keys.planPins(revision);
  const count = (rowOf(tx, "pins", key)?.count ?? 0) + 1;
  tx.put(key, { kind: "pins", count });
}

function unpinPlan(tx: WorkflowTransaction, revision: number): void {
  const key = keys.planPins(revision);
  const pins = rowOf(tx, "pins", key);
  assert(pins !== undefined, "a request has pinned its plan");
  if (pins.count > 1) {
    tx.put(key, { kind: "pins", count: pins.count - 1 });
    return;
  }
  tx.delete(key);
  if (rowOf(tx, "meta", META_KEY)?.plan !== revision) dropPlan(tx, revision);
}

/** There is a newer plan: the old one goes if no request began with it. */
export function replacePlan(
  tx: WorkflowTransaction,
  plans: { readonly old: number; readonly next: PlanRow },
): void {
  for (const { handler } of plans.next.handlers) {
    const key = keys.sourcePins(handler.version);
    const count = (rowOf(tx, "pins", key)?.count ?? 0) + 1;
    tx.put(key, { kind: "pins", count });
  }
  if (rowOf(tx, "pins", keys.planPins(plans.old)) === undefined) dropPlan(tx, plans.old);
}

/** Sources go with the last plan that names them. */
function dropPlan(tx: WorkflowTransaction, revision: number): void {
  const plan = rowOf(tx, "plan", keys.plan(revision));
  assert(plan !== undefined, "a plan is kept as long as it is the newest or pinned");
  tx.delete(keys.plan(revision));
  for (const { handler } of plan.handlers) {
    const key = keys.sourcePins(handler.version);
    const pins = rowOf(tx, "pins", key);
    assert(pins !== undefined, "a plan has pinned the sources of its handlers");
    if (pins.count > 1) tx.put(key, { kind: "pins", count: pins.count - 1 });
    else {
      tx.delete(key);
      tx.delete(keys.source(handler.version));
    }
  }
}
