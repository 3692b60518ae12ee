/**
 * How an invocation proceeds: it maps, waits for its children, reduces, and hands its result to its
 * parent. R17: what follows from the last child is made by the same transition that counts it.
 */
import { assert } from "../std/assert.ts";
import {
  capabilityOf,
  enqueueUnit,
  type Position,
  parentOf,
  putQueueRow,
  putRequest,
  requestOf,
  rowOf,
  stepOf,
  type WorkflowTransaction,
  withCount,
  withState,
} from "./apply-kit.ts";
import { enterEnded } from "./apply-retention.ts";
import { withResult } from "./block-row.ts";
import type { Dataset, NodeId } from "./dataset.ts";
import { BLOCK_CHILDREN, keys } from "./keys.ts";
import { putParts } from "./reduce-outputs.ts";
import type { AttemptTimes, ChildResult, Failure, InvocationRow, RequestState } from "./rows.ts";
import type { Path } from "./unit.ts";

/** Inline bytes of one child's result that its block row takes; more go to a row of their own. */
export const BLOCK_RESULT_BYTES_MAX = 256;

/** Who ran the attempt that ended an invocation, when, and which of its unit it was. */
export interface Ending extends AttemptTimes {
  readonly node: NodeId;
  readonly attempts: number;
}

/** Ends the request; its remaining work is set aside by the scheduler as it comes upon it. */
export function endRequest(
  tx: WorkflowTransaction,
  at: Position,
  request: number,
  end: {
    readonly state: Extract<RequestState, "succeeded" | "failed" | "cancelled">;
    readonly result?: Dataset;
    readonly failure?: Failure;
  },
): void {
  const row = requestOf(tx, request);
  const ended = {
    ...withState(row, at, end.state),
    endedMs: at.stampMs,
    result: end.result,
    failure: end.failure,
  };
  putRequest(tx, request, ended);
  enterEnded(tx, request, ended);
  tx.emit({ kind: "request-ended", request });
  if (row.state === "paused") tx.emit({ kind: "request-resumed", request });
}

/** The invocation has mapped: its children become ready, or it is reduced at once when it has none. */
export function startChildren(
  tx: WorkflowTransaction,
  at: Position,
  place: { readonly request: number; readonly path: Path },
  row: InvocationRow & { readonly childStep: string },
): void {
  const request = requestOf(tx, place.request);
  putRequest(tx, place.request, withCount(request, row.childStep, { total: row.childCount }));
  if (row.childCount === 0) {
    startReduce(tx, at, place, row);
    return;
  }
  tx.put(keys.invocation(place.request, place.path), row);
  const step = stepOf(tx, request, row.childStep);
  const unit = { kind: "map", request: place.request, path: [...place.path, 0] } as const;
  putQueueRow(tx, keys.queue(capabilityOf(step, unit), 1, at, 0), {
    kind: "queue-range",
    request: place.request,
    path: place.path,
    step: row.childStep,
    next: 0,
    end: row.childCount,
  });
}

/** All input is there: one unit per partition becomes ready; a leaf is reduced in one piece. */
export function startReduce(
  tx: WorkflowTransaction,
  at: Position,
  place: { readonly request: number; readonly path: Path },
  row: InvocationRow,
): void {
  const step = stepOf(tx, requestOf(tx, place.request), row.step);
  const parts = row.childStep === undefined ? 1 : step.partitions;
  tx.put(keys.invocation(place.request, place.path), {
    ...row,
    state: "reducing",
    reduceCount: parts,
    reduceDone: 0,
  });
  for (let part = 0; part < parts; part++) {
    const unit = { kind: "reduce", request: place.request, path: place.path, part } as const;
    const queued = { kind: "queue-unit", unit, step: row.step, failures: 0, losses: 0 } as const;
    enqueueUnit(tx, at, { step, row: queued });
  }
}

/**
 * The invocation's result is there: it goes to the parent, or is the request's. `parts` is undefined where
 * the parent has it in rows already.
 */
export function finishInvocation(
  tx: WorkflowTransaction,
  at: Position,
  place: { readonly request: number; readonly path: Path; readonly step: string },
  end: { readonly parts: readonly Dataset[] | undefined; readonly ending: Ending },
): void {
  const request = requestOf(tx, place.request);
  putRequest(tx, place.request, withCount(request, place.step, { done: 1 }));
  if (place.path.length === 0) {
    endRequest(tx, at, place.request, { state: "succeeded", result: end.parts?.flat() ?? [] });
    return;
  }
  countChild(tx, at, place, { ...end, failureCode: undefined });
}

/**
 * Notes how a child ended in its parent's block, and reduces the parent after the last one. A small
 * result in one part is in the block; else each part has a row of its own, which is written once. No
 * parts: of a child that was skipped; undefined: they have rows already.
 */
export function countChild(
  tx: WorkflowTransaction,
  at: Position,
  place: { readonly request: number; readonly path: Path },
  end: {
    readonly parts: readonly Dataset[] | undefined;
    readonly failureCode: string | undefined;
    readonly ending: Ending;
  },
): void {
  const { path, child } = parentOf(place.path);
  const { parts } = end;
  const [data = []] = parts ?? [];
  const inBlock = parts !== undefined && parts.length <= 1 && fitsBlock(data);
  if (!inBlock) putParts(tx, place, { unit: 0, parts: parts ?? [] });
  const result: ChildResult = {
    child,
    data: inBlock ? data : undefined,
    failureCode: end.failureCode,
    ...end.ending,
  };
  const blockKey = keys.block(place.request, path, Math.floor(child / BLOCK_CHILDREN));
  tx.put(blockKey, withResult(rowOf(tx, "block", blockKey), result));
  const key = keys.invocation(place.request, path);
  const parent = rowOf(tx, "invocation", key);
  assert(parent !== undefined, "a child's parent has mapped");
  assert(parent.childDone < parent.childCount, "no child is counted twice");
  const isSkipped = end.failureCode !== undefined;
  const count = isSkipped && tx.bugs.countSkippedTwice === true ? 2 : 1;
  const counted = { ...parent, childDone: parent.childDone + count };
  // O2: more may still be listed.
  const isOpen = counted.listing?.closed === false;
  if (isOpen || counted.childDone < counted.childCount) tx.put(key, counted);
  else startReduce(tx, at, { request: place.request, path }, counted);
}

/** Whether a child's result is small enough for its block: by the bytes that it puts into the row. */
export function fitsBlock(data: Dataset): boolean {
  let bytes = 0;
  for (const piece of data) bytes += piece.kind === "inline" ? piece.bytes.length : 128;
  return bytes <= BLOCK_RESULT_BYTES_MAX;
}
