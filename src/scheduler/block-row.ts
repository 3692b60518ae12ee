/** R18: how the children of one block ended, neighbours that ended alike in one stretch. */
import { assert } from "../std/assert.ts";
import type { BlockRow, ChildResult, Stretch } from "./rows.ts";

/** The children of a block that have ended, in their order. */
export function resultsOf(block: BlockRow): readonly ChildResult[] {
  return block.stretches.flatMap(({ first, data, skipped, node, startedMs, endedMs }) =>
    data.map((own, at) => ({ child: first + at, data: own, skipped, node, startedMs, endedMs })),
  );
}

/** The block with one more child. */
export function withResult(block: BlockRow | undefined, result: ChildResult): BlockRow {
  const old = block?.stretches ?? [];
  const after = old.findIndex(({ first }) => first > result.child);
  const at = after === -1 ? old.length : after;
  const before = old[at - 1];
  const end = before === undefined ? 0 : before.first + before.data.length;
  assert(end <= result.child, "no unit has two committed completions");
  const { child, data, ...alike } = result;
  const own: Stretch = { first: child, data: [data], ...alike };
  const merged = before === undefined ? [own] : joined(before, own);
  const next = old[at];
  const last = merged.at(-1);
  const tail = next === undefined || last === undefined ? [] : joined(last, next);
  const middle = next === undefined ? merged : [...merged.slice(0, -1), ...tail];
  return {
    kind: "block",
    stretches: [...old.slice(0, Math.max(0, at - 1)), ...middle, ...old.slice(at + 1)],
  };
}

/** Two neighbours as one stretch where they touch and ended alike. */
function joined(left: Stretch, right: Stretch): readonly Stretch[] {
  const alike =
    left.first + left.data.length === right.first &&
    left.skipped === right.skipped &&
    left.node === right.node &&
    left.startedMs === right.startedMs &&
    left.endedMs === right.endedMs;
  return alike ? [{ ...left, data: [...left.data, ...right.data] }] : [left, right];
}
