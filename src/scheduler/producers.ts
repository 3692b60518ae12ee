/** R26: which unit has made a piece of an attempt's input, and whether the rows still name that piece. */
import { parentOf, requestOf, rowOf, type WorkflowTransaction } from "./apply-kit.ts";
import { resultsOf } from "./block-row.ts";
import type { Cid, Dataset } from "./dataset.ts";
import { BLOCK_CHILDREN, keys } from "./keys.ts";
import { readAll } from "./transaction.ts";
import type { Path, UnitRef } from "./unit.ts";
import type { LostRun } from "./work.ts";

/** A unit with the name of its step. */
export interface UnitOfStep {
  readonly unit: UnitRef;
  readonly step: string;
}

export type Producer =
  | ({ readonly kind: "unit" } & UnitOfStep)
  /** The client: the run is an argument of the request. */
  | { readonly kind: "client" }
  /** No row of the unit's input names the run: what is lost has been replaced, or never was. */
  | { readonly kind: "nobody" };

const NOBODY: Producer = { kind: "nobody" };

/** Who has made each of these runs: all rows that tell are asked for at once. @throws {MissingRows} as below. */
export function producersOf(
  tx: WorkflowTransaction,
  unit: UnitRef,
  lost: readonly LostRun[],
): readonly Producer[] {
  const rows = lost.flatMap((one) =>
    unit.kind === "reduce" && one.child !== undefined ? keysOfChild(unit, one.child, one.unit) : [],
  );
  readAll(tx, rows);
  return lost.map((one) => producerOf(tx, unit, one));
}

/** Who has made a run that an attempt of `unit` lacks. @throws {MissingRows} when rows have to be loaded first. */
function producerOf(tx: WorkflowTransaction, unit: UnitRef, lost: LostRun): Producer {
  const { request, path } = unit;
  if (unit.kind === "reduce") {
    if (lost.child !== undefined) return reducerOfChild(tx, unit, { ...lost, child: lost.child });
    return mapperOf(tx, { request, path }, lost.cid);
  }
  if (path.length > 0) return mapperOf(tx, { request, path: parentOf(path).path }, lost.cid);
  return names(requestOf(tx, request).arguments, lost.cid) ? { kind: "client" } : NOBODY;
}

type Place = Pick<UnitRef, "request" | "path">;

/** The map unit of an invocation, where that invocation has a row which names the run. */
function mapperOf(tx: WorkflowTransaction, { request, path }: Place, cid: Cid): Producer {
  const row = rowOf(tx, "invocation", keys.invocation(request, path));
  // What was listed may be listed otherwise now, and its children have begun: it is not made again.
  if (row?.listing !== undefined) return { kind: "client" };
  if (row === undefined || !(names(row.data, cid) || names(row.session, cid))) return NOBODY;
  return { kind: "unit", unit: { kind: "map", request, path }, step: row.step };
}

/** The unit that ended a child, or the one of several which made this part of its result. */
function reducerOfChild(
  tx: WorkflowTransaction,
  unit: Extract<UnitRef, { kind: "reduce" }>,
  lost: LostRun & { readonly child: number },
): Producer {
  const { request, path } = unit;
  const { child } = lost;
  const [parent, own, block, result] = readAll(tx, keysOfChild(unit, child, lost.unit));
  const isOnly = lost.unit === 0;
  const inBlock = isOnly && block?.kind === "block" ? dataOf(resultsOf(block), child) : undefined;
  const apart = result?.kind === "result" ? result.data : undefined;
  if (!names(inBlock ?? apart ?? [], lost.cid)) return NOBODY;
  const childPath: Path = [...path, child];
  if (own?.kind === "invocation") {
    // Executors are not trusted to name what there is.
    if (own.state !== "done" || lost.unit >= own.reduceCount) return NOBODY;
    const reduce = { kind: "reduce", request, path: childPath, part: lost.unit } as const;
    return { kind: "unit", unit: reduce, step: own.step };
  }
  if (parent?.kind !== "invocation" || parent.childStep === undefined) return NOBODY;
  return { kind: "unit", unit: { kind: "map", request, path: childPath }, step: parent.childStep };
}

/** Rows of the parent, the child's own, and where its result lies. */
function keysOfChild(
  { request, path, part }: Extract<UnitRef, { kind: "reduce" }>,
  child: number,
  unit: number,
): readonly string[] {
  return [
    keys.invocation(request, path),
    keys.invocation(request, [...path, child]),
    keys.block(request, path, Math.floor(child / BLOCK_CHILDREN)),
    keys.result(request, path, { part, child, unit }),
  ];
}

function dataOf(results: ReturnType<typeof resultsOf>, child: number): Dataset | undefined {
  return results.find((one) => one.child === child)?.data;
}

function names(dataset: Dataset, cid: Cid): boolean {
  return dataset.some((piece) => piece.kind === "run" && piece.cid === cid);
}
