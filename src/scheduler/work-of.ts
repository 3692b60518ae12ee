/** What a granted attempt asks its executor to do, read from the rows that the grant refers to. */
import { assert } from "../std/assert.ts";
import { findRequest, isLive, parentOf, rowOf, stepOf } from "./apply-kit.ts";
import { isLister, listedSlices, listWork } from "./apply-listed.ts";
import { openPlaces } from "./attempt-block.ts";
import { isAgain } from "./attempt-record.ts";
import { type PieceSlice, RESULT_INLINE_BYTES_MAX, slicesOf, wholeSlices } from "./dataset.ts";
import { keys } from "./keys.ts";
import type { GrantInputs } from "./protocol.ts";
import type { AttemptRow, InvocationRow, RequestRow, Row } from "./rows.ts";
import { timeoutMsOf } from "./step-limits.ts";
import type { RowView } from "./transaction.ts";
import type { Path, UnitRef } from "./unit.ts";
import type { Work } from "./work.ts";

/**
 * The work of a grant's attempts, with one pair of input for each; undefined when nobody wants it any more.
 * @throws {MissingRows} when rows have to be loaded first.
 */
export function workOf(view: RowView<Row>, attempt: AttemptRow): Work | undefined {
  const { unit } = attempt;
  const request = findRequest(view, unit.request);
  if (request === undefined || !isLive(request)) return undefined;
  const step = stepOf(view, request, attempt.step);
  if (isLister(request, unit)) {
    return listWork(view, { request, unit, timeoutMs: timeoutMsOf(step) });
  }
  const common = {
    parts: partsFor(view, request, { request: unit.request, path: unit.path }),
    keepYieldOrder: unit.path.length === 0,
    timeoutMs: timeoutMsOf(step),
  };
  if (unit.kind === "reduce") {
    const row = rowOf(view, "invocation", keys.invocation(unit.request, unit.path));
    assert(row !== undefined, "an invocation is there while it is reduced");
    // Skipped since another part of it failed for good.
    if (row.state !== "reducing" && !isAgain(attempt)) return undefined;
    // The outputs of the root's units become one result; those of others have rows of their own.
    const sharers = unit.path.length === 0 ? Math.max(1, row.reduceCount) : 1;
    const inlineBytes = Math.floor(RESULT_INLINE_BYTES_MAX / sharers);
    const { session } = row;
    return { kind: "reduce", reducer: step.reducer.handler, session, inlineBytes, ...common };
  }
  return {
    kind: "map",
    mapper: step.mapper.handler,
    combiner: step.combiner?.handler,
    reducer: wasCombined(view, attempt) ? undefined : step.reducer.handler,
    reducerCapability: step.reducer.capability,
    input: inputOf(view, request, { unit, count: openPlaces(attempt.open).length }),
    ...common,
    // Only what was listed is an object: what these map to gets pairs.
    objects: isListed(request, unit) ? request.objects : undefined,
    fromOwnStep: isFromOwnStep(view, request, attempt) ? true : undefined,
  };
}

function isListed(request: RequestRow, { path }: UnitRef): boolean {
  return request.objects !== undefined && path.length === 1;
}

/** Said of containers alone. What is listed is of its step, too, but comes from outside. */
function isFromOwnStep(view: RowView<Row>, request: RequestRow, attempt: AttemptRow): boolean {
  const { unit, step } = attempt;
  if (stepOf(view, request, step).mapper.handler.language !== "container") return false;
  if (unit.path.length === 0 || isListed(request, unit)) return false;
  const { path } = parentOf(unit.path);
  return rowOf(view, "invocation", keys.invocation(unit.request, path))?.step === step;
}

/** R26: a leaf that runs again for its combined pairs alone, since its reduction is a unit of its own. */
function wasCombined(view: RowView<Row>, attempt: AttemptRow): boolean {
  if (!isAgain(attempt)) return false;
  const { request, path } = attempt.unit;
  const row = rowOf(view, "invocation", keys.invocation(request, path));
  return row !== undefined && row.childStep === undefined;
}

function partsFor(
  view: RowView<Row>,
  request: RequestRow,
  place: { readonly request: number; readonly path: Path },
): number {
  if (place.path.length === 0) return 1;
  const parent = rowOf(
    view,
    "invocation",
    keys.invocation(place.request, parentOf(place.path).path),
  );
  assert(parent !== undefined, "a child's parent has mapped");
  return stepOf(view, request, parent.step).partitions;
}

function inputOf(
  view: RowView<Row>,
  request: RequestRow,
  units: { readonly unit: UnitRef; readonly count: number },
): readonly PieceSlice[] {
  const { unit, count } = units;
  if (unit.path.length === 0) {
    return wholeSlices(request.arguments);
  }
  const { path, child } = parentOf(unit.path);
  const parent = rowOf(view, "invocation", keys.invocation(unit.request, path));
  assert(parent !== undefined, "a child's parent has mapped");
  if (parent.listing !== undefined) {
    return listedSlices(view, unit.request, { first: child, count });
  }
  return slicesOf(parent.data, child, count);
}

/** Where the input of a reduce unit lies. */
export function inputsOf(
  unit: Extract<UnitRef, { kind: "reduce" }>,
  row: InvocationRow | undefined,
): GrantInputs {
  const { request, path, part } = unit;
  if (row?.childStep === undefined) {
    return { kind: "invocation", key: keys.invocation(request, path) };
  }
  if (row.reduceCount > 1) return { kind: "part", request, path, part };
  return { kind: "children", request, path };
}
