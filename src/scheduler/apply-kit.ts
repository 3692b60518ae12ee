/** What all transitions share: typed reading of rows, queueing of units, and counting. */
import { assert } from "../std/assert.ts";
import { PAYLOAD_COMMANDS_MAX, type RequestChange } from "./commands.ts";
import type { Effect } from "./effects.ts";
import { COMMAND_ORDINALS, keys } from "./keys.ts";
import type {
  Answer,
  PlanRow,
  QueueRow,
  QueueUnitRow,
  RequestRow,
  RequestState,
  Row,
  StepCount,
  StepDefinition,
} from "./rows.ts";
import { type RowView, readRow, type Transaction } from "./transaction.ts";
import type { Path, Token, UnitRef } from "./unit.ts";

export type WorkflowTransaction = Transaction<Row, Effect>;

/** Where a command stands in the log, and the time its entry was stamped with. */
export interface Position extends Token {
  readonly stampMs: number;
}

/** Attempts of one request whose prints are kept, the newest: a million that print must not fill disks. */
export const PRINTED_ROWS_MAX = 256;

/** Warnings kept with a request. */
export const WARNINGS_MAX = 20;

function isKind<K extends Row["kind"]>(row: Row, kind: K): row is Extract<Row, { kind: K }> {
  return row.kind === kind;
}

/** Reads a row that can only be of one kind, as its key says. @throws {MissingRows} when not in memory. */
export function rowOf<K extends Row["kind"]>(
  view: RowView<Row>,
  kind: K,
  key: string,
): Extract<Row, { kind: K }> | undefined {
  const row = readRow(view, key);
  if (row === undefined) return undefined;
  assert(isKind(row, kind), `the row ${key} is of another kind than its key says`);
  return row;
}

/** A request that somebody names; undefined when it was removed. */
export function findRequest(view: RowView<Row>, request: number): RequestRow | undefined {
  return rowOf(view, "request", keys.request(request));
}

/** As many as an entry has ordinals, so that no two log positions have one number. */
const REVISIONS_PER_ENTRY = PAYLOAD_COMMANDS_MAX * COMMAND_ORDINALS;

/** R22: the number of a log position, for revisions and events: it only rises. */
export function revisionOf(at: Token): number {
  return at.index * REVISIONS_PER_ENTRY + at.ordinal;
}

/** The log position that a number of `revisionOf` is of. */
export function positionOfRevision(revision: number): Token {
  const ordinal = revision % REVISIONS_PER_ENTRY;
  return { index: (revision - ordinal) / REVISIONS_PER_ENTRY, ordinal };
}

/** The request that a client wants changed, or why it is not. */
export function requestToChange(
  tx: WorkflowTransaction,
  { request, revision }: RequestChange,
): RequestRow | Extract<Answer, { kind: "refused" }> {
  const row = findRequest(tx, request);
  if (row === undefined) {
    return { kind: "refused", code: "REQUEST_UNKNOWN", message: "there is no such request" };
  }
  if (revision === undefined || revision === row.revision) return row;
  const message = `the request has changed meanwhile: its revision is ${row.revision}`;
  return { kind: "refused", code: "REVISION_CHANGED", message };
}

/** A request that has not been removed: one of its units counts, or is granted. */
export function requestOf(view: RowView<Row>, request: number): RequestRow {
  const row = findRequest(view, request);
  assert(row !== undefined, "what counts is part of a request that is there");
  return row;
}

/** The steps that a request has pinned. */
export function planOf(view: RowView<Row>, request: RequestRow): PlanRow {
  const plan = rowOf(view, "plan", keys.plan(request.plan));
  assert(plan !== undefined, "a plan is kept as long as a request pins it");
  return plan;
}

/** The step of that name, or undefined. */
export function findStep(plan: PlanRow, name: string): StepDefinition | undefined {
  return plan.steps.find((step) => step.name === name);
}

/** A step that a unit of the request belongs to. */
export function stepOf(view: RowView<Row>, request: RequestRow, name: string): StepDefinition {
  const step = findStep(planOf(view, request), name);
  assert(step !== undefined, "a unit's step is in the plan that its request pins");
  return step;
}

/** True while units of the request may still be granted or counted. */
export function isLive(request: RequestRow): boolean {
  return request.state === "queued" || request.state === "running" || request.state === "paused";
}

/** The request whose work a queue row holds. */
export function requestOfQueueRow(row: QueueRow): number {
  return row.kind === "queue-range" ? row.request : row.unit.request;
}

/** Writes the changed request and says so to whoever waits for it. */
export function putRequest(tx: WorkflowTransaction, request: number, row: RequestRow): void {
  tx.put(keys.request(request), row);
  tx.emit({ kind: "request-changed", request, state: row.state, row });
}

/** The request in another state, at the revision of the command that brings it there. */
export function withState(request: RequestRow, at: Position, state: RequestState): RequestRow {
  return { ...request, state, revision: revisionOf(at) };
}

/** Adds to the counts of a step. */
export function withCount(
  request: RequestRow,
  step: string,
  add: { readonly total?: number; readonly done?: number; readonly failed?: number },
): RequestRow {
  const old = request.steps.find((count) => count.step === step);
  const next: StepCount = {
    step,
    total: (old?.total ?? 0) + (add.total ?? 0),
    done: (old?.done ?? 0) + (add.done ?? 0),
    failed: (old?.failed ?? 0) + (add.failed ?? 0),
  };
  const steps =
    old === undefined
      ? [...request.steps, next]
      : request.steps.map((count) => (count === old ? next : count));
  return { ...request, steps };
}

/** Makes a row ready; `key` decides its place. */
export function putQueueRow(tx: WorkflowTransaction, key: string, row: QueueRow): void {
  tx.put(key, row);
  tx.emit({ kind: "queued", key, row });
}

/** Takes a row from the ready work. */
export function deleteQueueRow(tx: WorkflowTransaction, key: string): void {
  tx.delete(key);
  tx.emit({ kind: "unqueued", key });
}

/** Capability that running the unit's handler requires. */
export function capabilityOf(step: StepDefinition, unit: UnitRef): string {
  return unit.kind === "map" ? step.mapper.capability : step.reducer.capability;
}

/** Where a new request's first unit waits, until somebody is granted it. */
export function queueKeyOfRoot(step: StepDefinition, at: Token): string {
  return keys.queue(step.mapper.capability, 1, at, 0);
}

/** Makes one unit ready, before work that would start something new. */
export function enqueueUnit(
  tx: WorkflowTransaction,
  at: Position,
  input: { readonly step: StepDefinition; readonly row: QueueUnitRow },
): void {
  const { unit } = input.row;
  const part = unit.kind === "reduce" ? unit.part : 0;
  putQueueRow(tx, keys.queue(capabilityOf(input.step, unit), 0, at, part), input.row);
}

/** The invocation that `path` is a child of, and which child it is. */
export function parentOf(path: Path): { readonly path: Path; readonly child: number } {
  const child = path.at(-1);
  assert(child !== undefined, "the root has no parent");
  return { path: path.slice(0, -1), child };
}
