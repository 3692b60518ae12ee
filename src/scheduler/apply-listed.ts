/** What listing objects does to the rows: the root's range grows by a segment, and is closed in the end (O1, O2). */
import { startReduce } from "./apply-invocation.ts";
import {
  capabilityOf,
  enqueueUnit,
  type Position,
  putQueueRow,
  putRequest,
  requestOf,
  rowOf,
  stepOf,
  type WorkflowTransaction,
  withCount,
} from "./apply-kit.ts";
import { type Attempt, isAgain } from "./attempt-record.ts";
import { type Dataset, datasetCount, type PieceSlice, slicesOf } from "./dataset.ts";
import { keys } from "./keys.ts";
import {
  LISTED_AHEAD,
  LISTING_BEGUN,
  OBJECT_UNAVAILABLE_CODES,
  SEGMENT_CHILDREN,
} from "./objects.ts";
import type { FailurePolicy, InvocationRow, RequestRow, Row, StepDefinition } from "./rows.ts";
import type { RowView } from "./transaction.ts";
import type { UnitRef } from "./unit.ts";
import type { Outcome, Work, WorkError } from "./work.ts";

type Listed = Extract<Outcome, { kind: "listed" }>;

/** Whether a unit lists the objects of its request. */
export function isLister(request: Pick<RequestRow, "objects">, unit: UnitRef): boolean {
  return request.objects !== undefined && unit.kind === "map" && unit.path.length === 0;
}

/** A request over a list says itself what becomes of objects that cannot be had. */
export function failurePolicy(
  { objects }: RequestRow,
  { error, step }: { readonly error: WorkError; readonly step: StepDefinition },
): FailurePolicy {
  const isUnavailable = objects !== undefined && OBJECT_UNAVAILABLE_CODES.has(error.code);
  return isUnavailable ? objects.unavailable : step.onFailure;
}

/** What an attempt of the root has to do: list on from where the rows say. */
export function listWork(
  view: RowView<Row>,
  of: { readonly request: RequestRow; readonly unit: UnitRef; readonly timeoutMs: number },
): Work {
  const { request, unit, timeoutMs } = of;
  const row = rowOf(view, "invocation", keys.invocation(unit.request, []));
  const listed = row?.childCount ?? 0;
  return {
    kind: "list",
    sources: request.arguments,
    cursor: (row?.listing ?? LISTING_BEGUN).cursor,
    limit: SEGMENT_CHILDREN - (listed % SEGMENT_CHILDREN),
    parts: 1,
    keepYieldOrder: true,
    timeoutMs,
  };
}

/** The pairs of listed children, which lie in one segment. */
export function listedSlices(
  view: RowView<Row>,
  request: number,
  children: { readonly first: number; readonly count: number },
): readonly PieceSlice[] {
  const { first, count } = children;
  const row = rowOf(view, "segment", keys.segment(request, Math.floor(first / SEGMENT_CHILDREN)));
  return slicesOf(row?.data ?? [], first % SEGMENT_CHILDREN, count);
}

/** Why this cannot be what the unit has listed; undefined when it can. */
export function listedProblem(
  tx: WorkflowTransaction,
  attempt: Attempt,
  { children, cursor, closed }: Listed,
): string | undefined {
  const { unit } = attempt;
  if (!isLister(requestOf(tx, unit.request), unit) || isAgain(attempt)) {
    return "a unit that has nothing to list has listed";
  }
  const row = rowOf(tx, "invocation", keys.invocation(unit.request, []));
  const listing = row?.listing ?? LISTING_BEGUN;
  if (listing.closed) return "the list was closed before";
  const count = datasetCount(children);
  const room = SEGMENT_CHILDREN - ((row?.childCount ?? 0) % SEGMENT_CHILDREN);
  if (count > room) return `${count} objects were listed where ${room} were wanted`;
  if (!closed && cursor === listing.cursor) return "the list does not go on";
  return undefined;
}

/** Adds what was found, and has the list go on or closes it. */
export function applyListed(
  tx: WorkflowTransaction,
  at: Position,
  of: { readonly request: number; readonly step: string; readonly listed: Listed },
): void {
  const { request, step, listed } = of;
  const key = keys.invocation(request, []);
  const before = rowOf(tx, "invocation", key) ?? beginning(step);
  const count = datasetCount(listed.children);
  const { cursor, closed } = listed;
  const row = {
    ...before,
    childCount: before.childCount + count,
    listing: { cursor, closed },
  };
  if (count > 0) addChildren(tx, at, { request, step, from: before.childCount, ...listed });
  if (closed && row.childDone === row.childCount) {
    startReduce(tx, at, { request, path: [] }, row);
    return;
  }
  tx.put(key, row);
  if (!closed) listOn(tx, at, { request, step, ahead: row.childCount - row.childDone });
}

function addChildren(
  tx: WorkflowTransaction,
  at: Position,
  of: {
    readonly request: number;
    readonly step: string;
    readonly from: number;
    readonly children: Dataset;
  },
): void {
  const { request, step, from, children } = of;
  const count = datasetCount(children);
  const key = keys.segment(request, Math.floor(from / SEGMENT_CHILDREN));
  const data = [...(rowOf(tx, "segment", key)?.data ?? []), ...children];
  tx.put(key, { kind: "segment", data });
  const row = requestOf(tx, request);
  putRequest(tx, request, withCount(row, step, { total: count }));
  const unit = { kind: "map", request, path: [from] } as const;
  const capability = capabilityOf(stepOf(tx, row, step), unit);
  putQueueRow(tx, keys.queue(capability, 1, at, 0), {
    kind: "queue-range",
    request,
    path: [],
    step,
    next: from,
    end: from + count,
  });
}

/**
 * The next stretch is listed before the children that are there, so that nobody is without work when they are
 * handed out; and after them when there are many, since nobody has to know a million objects that early.
 */
function listOn(
  tx: WorkflowTransaction,
  at: Position,
  of: { readonly request: number; readonly step: string; readonly ahead: number },
): void {
  const unit = { kind: "map", request: of.request, path: [] } as const;
  const step = stepOf(tx, requestOf(tx, of.request), of.step);
  const row = { kind: "queue-unit", unit, step: of.step, failures: 0, losses: 0 } as const;
  if (of.ahead < LISTED_AHEAD) enqueueUnit(tx, at, { step, row });
  else putQueueRow(tx, keys.queue(capabilityOf(step, unit), 1, at, 1), row);
}

function beginning(step: string): InvocationRow {
  return {
    kind: "invocation",
    step,
    state: "children",
    childStep: step,
    data: [],
    childCount: 0,
    childDone: 0,
    session: [],
    reduceCount: 0,
    reduceDone: 0,
    failedPart: undefined,
    listing: LISTING_BEGUN,
  };
}
