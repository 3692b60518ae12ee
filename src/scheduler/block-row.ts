/** R18: how the children of one block ended, neighbours that are alike in one stretch. */
import { assert } from "../std/assert.ts";
import type { Dataset } from "./dataset.ts";
import type { BlockRow, ChildResult, Stretch } from "./rows.ts";

/** The children of a block that have ended, in their order. */
export function resultsOf(block: BlockRow): readonly ChildResult[] {
  return block.stretches.flatMap(({ first, children, ...alike }) =>
    children.map(({ data, startedAfterMs, endedAfterMs }, at) => ({
      child: first + at,
      data,
      ...alike,
      startedMs: startedAfterMs === undefined ? undefined : alike.grantedMs + startedAfterMs,
      endedMs: alike.grantedMs + endedAfterMs,
    })),
  );
}

/** The block with one more child. */
export function withResult(block: BlockRow | undefined, result: ChildResult): BlockRow {
  const old = block?.stretches ?? [];
  const after = old.findIndex(({ first }) => first > result.child);
  const at = after === -1 ? old.length : after;
  const before = old[at - 1];
  const end = before === undefined ? 0 : before.first + before.children.length;
  assert(end <= result.child, "no unit has two committed completions");
  const own = stretchOf(result);
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

/** R26: the block with other data of a child that is in it. */
export function withData(block: BlockRow, child: number, data: Dataset | undefined): BlockRow {
  const stretches = block.stretches.map((stretch) => {
    const at = child - stretch.first;
    const children = stretch.children.map((one, nth) => (nth === at ? { ...one, data } : one));
    return { ...stretch, children };
  });
  return { kind: "block", stretches };
}

function stretchOf({ child, data, startedMs, endedMs, ...alike }: ChildResult): Stretch {
  const { grantedMs } = alike;
  const startedAfterMs = startedMs === undefined ? undefined : startedMs - grantedMs;
  const own = { data, startedAfterMs, endedAfterMs: endedMs - grantedMs };
  return { first: child, children: [own], ...alike };
}

/** Two neighbours as one stretch where they touch and are alike. */
function joined(left: Stretch, right: Stretch): readonly Stretch[] {
  const alike =
    left.first + left.children.length === right.first &&
    left.failureCode === right.failureCode &&
    left.attempts === right.attempts &&
    left.node === right.node &&
    left.grantedMs === right.grantedMs;
  return alike ? [{ ...left, children: [...left.children, ...right.children] }] : [left, right];
}
