/**
 * Where results of units lie that are cut into parts or made by several: each part of each unit in a row
 * of its own, at its place for the one that merges the part. Written once, whatever else ends; the unit
 * that merges a part reads one stretch of rows and no other part.
 */
import { assert } from "../std/assert.ts";
import { parentOf, requestOf, rowOf, stepOf, type WorkflowTransaction } from "./apply-kit.ts";
import type { Dataset } from "./dataset.ts";
import { keys } from "./keys.ts";
import { readAll } from "./transaction.ts";
import type { Path } from "./unit.ts";

interface Place {
  readonly request: number;
  readonly path: Path;
}

/** How many parts the result of the invocation at `path` is cut into. */
export function partsOf(tx: WorkflowTransaction, request: number, path: Path): number {
  if (path.length === 0) return 1;
  const parent = parentOf(path);
  const row = rowOf(tx, "invocation", keys.invocation(request, parent.path));
  assert(row !== undefined, "a child's parent has mapped");
  return stepOf(tx, requestOf(tx, request), row.step).partitions;
}

/** Writes the parts of what a child's unit has made; of empty ones there are no rows. */
export function putParts(
  tx: WorkflowTransaction,
  place: Place,
  made: { readonly unit: number; readonly parts: readonly Dataset[] },
): void {
  const { path, child } = parentOf(place.path);
  for (const [part, data] of made.parts.entries()) {
    if (data.length === 0) continue;
    const key = keys.result(place.request, path, { part, child, unit: made.unit });
    tx.put(key, { kind: "result", data });
  }
}

/** Keeps what one of several units that reduce an invocation has made: `part` is the unit's. */
export function putOutput(
  tx: WorkflowTransaction,
  place: Place,
  made: { readonly part: number; readonly parts: readonly Dataset[] },
): void {
  if (place.path.length > 0) {
    putParts(tx, place, { unit: made.part, parts: made.parts });
    return;
  }
  tx.put(keys.output(place.request, made.part), { kind: "result", data: made.parts.flat() });
}

/** All that several units have made: of the root one after the other; of others it has its rows already. */
export function joinedOutputs(
  tx: WorkflowTransaction,
  place: Place,
  count: number,
): readonly Dataset[] | undefined {
  if (place.path.length > 0) return undefined;
  const outputs = Array.from({ length: count }, (_, part) => keys.output(place.request, part));
  const rows = readAll(tx, outputs);
  // The request has it from now on; here it would only be stored twice.
  for (const key of outputs) tx.delete(key);
  return rows.map((row) => (row?.kind === "result" ? row.data : []));
}

/** What units of a skipped invocation have made does not count. */
export function voidOutputs(tx: WorkflowTransaction, place: Place): void {
  const { request } = place;
  const { path, child } = parentOf(place.path);
  // In one part the block tells who was skipped, and is read in any case.
  const parts = partsOf(tx, request, place.path);
  if (parts === 1) return;
  for (let part = 0; part < parts; part++) {
    tx.put(keys.void(request, path, { part, child }), { kind: "void" });
  }
}
