/** R26: what a unit has made again takes the place of what it had made, in the rows that name it. */
import { assert } from "../std/assert.ts";
import { fitsBlock } from "./apply-invocation.ts";
import { type Position, parentOf, rowOf, type WorkflowTransaction } from "./apply-kit.ts";
import type { Attempt } from "./attempt-record.ts";
import { withData } from "./block-row.ts";
import { type Dataset, datasetCount } from "./dataset.ts";
import { BLOCK_CHILDREN, keys } from "./keys.ts";
import { endRemake, passRemake } from "./remake.ts";
import type { InvocationRow } from "./rows.ts";
import type { Outcome } from "./work.ts";

type Made = Extract<Outcome, { kind: "mapped" | "combined" | "reduced" }>;

/** Why it cannot take that place: the handler is not pure. Undefined when it can, or has. */
export function replaceMade(
  tx: WorkflowTransaction,
  at: Position,
  { unit, step }: Attempt,
  made: Made,
): string | undefined {
  const key = keys.invocation(unit.request, unit.path);
  const row = rowOf(tx, "invocation", key);
  if (made.kind === "reduced") {
    // A mapper that had mapped, or combined where its row waits for that, has children or a reduction.
    if (unit.kind === "map" && row !== undefined)
      return "a mapper that had chosen a step chose none";
    replaceResult(tx, unit, {
      row,
      part: unit.kind === "reduce" ? unit.part : 0,
      parts: made.parts,
    });
    endRemake(tx, at, unit);
    return undefined;
  }
  if (made.kind === "combined") {
    if (row === undefined) {
      tx.put(key, combinedAgain(step, made));
      const place = { request: unit.request, path: unit.path };
      passRemake(tx, at, unit, { unit: { kind: "reduce", ...place, part: 0 }, step });
      return undefined;
    }
    if (row.childStep !== undefined) return "a mapper that had chosen a step chose none";
    tx.put(key, { ...row, data: made.pairs, session: made.session });
    endRemake(tx, at, unit);
    return undefined;
  }
  if (row?.childStep !== made.step) return "a mapper chose another step than before";
  if (row.childCount !== datasetCount(made.children))
    return "a mapper made another number of pairs";
  tx.put(key, { ...row, data: made.children, session: made.session });
  endRemake(tx, at, unit);
  return undefined;
}

/** Of a leaf that is over: its result lies with its parent, and is what its reduction will replace. */
function combinedAgain(step: string, made: Extract<Outcome, { kind: "combined" }>): InvocationRow {
  return {
    ...{ kind: "invocation", step, state: "done", childStep: undefined },
    ...{ data: made.pairs, session: made.session, childCount: 0, childDone: 0 },
    ...{ reduceCount: 1, reduceDone: 1, failedPart: undefined },
  };
}

/** In the parent's block or in rows of its own, as `countChild` and `putOutput` have put it. */
function replaceResult(
  tx: WorkflowTransaction,
  place: Pick<Attempt["unit"], "request" | "path">,
  made: {
    readonly row: InvocationRow | undefined;
    readonly part: number;
    readonly parts: readonly Dataset[];
  },
): void {
  const { request } = place;
  const { path, child } = parentOf(place.path);
  const { row, parts } = made;
  const [data = []] = parts;
  const isOnly = row === undefined || row.reduceCount <= 1;
  const inBlock = isOnly && parts.length <= 1 && fitsBlock(data);
  if (isOnly) {
    const key = keys.block(request, path, Math.floor(child / BLOCK_CHILDREN));
    const block = rowOf(tx, "block", key);
    assert(block !== undefined, "what is made again was there");
    tx.put(key, withData(block, child, inBlock ? data : undefined));
  }
  for (const [part, one] of parts.entries()) {
    const key = keys.result(request, path, { part, child, unit: made.part });
    if (inBlock || one.length === 0) tx.delete(key);
    else tx.put(key, { kind: "result", data: one });
  }
}
