/** A grant of several children as the grants of one each that an executor runs. */
import { tokenAt } from "./attempt-block.ts";
import type { PieceSlice } from "./dataset.ts";
import type { Grant } from "./protocol.ts";

/** One grant for each attempt, in the order of their tokens; none for a grant that does not fit its input. */
export function singleGrants(grant: Grant): readonly Grant[] {
  const { token, count, work } = grant;
  if (count === 1) return [grant];
  if (work.kind !== "map") return [];
  const dot = grant.invocation.lastIndexOf(".");
  const parent = grant.invocation.slice(0, dot);
  const first = Number(grant.invocation.slice(dot + 1));
  const inputs = singlePairs(work.input);
  if (inputs.length !== count) return [];
  return inputs.map((slice, at) => ({
    ...grant,
    token: tokenAt(token, at),
    count: 1,
    invocation: `${parent}.${first + at}`,
    work: { ...work, input: [slice] },
  }));
}

function singlePairs(slices: readonly PieceSlice[]): readonly PieceSlice[] {
  return slices.flatMap(({ piece, first, count }) =>
    Array.from({ length: count }, (_, at) => ({ piece, first: first + at, count: 1 })),
  );
}
