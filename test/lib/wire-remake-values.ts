/** Any value of what R26 adds: attempts that lack lost input, and units that run again. */
import fc from "fast-check";
import type { RemakeRow, StarvedRow } from "../../src/scheduler/rows.ts";
import { LOST_RUNS_MAX, type Outcome, type WorkError } from "../../src/scheduler/work.ts";

const key = fc.stringMatching(/^[a-z]\/[a-z0-9]{0,7}$/u);
const natural = fc.nat(300);

/** Rows of units that run again, and of those that wait for them. */
export const remakeRowKinds: {
  readonly remake: fc.Arbitrary<RemakeRow>;
  readonly starved: fc.Arbitrary<StarvedRow>;
} = {
  remake: fc.record({
    kind: fc.constant("remake"),
    tries: natural,
    open: fc.boolean(),
    endedMs: natural,
    waiting: fc.array(key, { maxLength: 3 }),
  }),
  starved: fc.record({
    kind: fc.constant("starved"),
    delayed: key,
    left: fc.integer({ min: 1, max: LOST_RUNS_MAX }),
  }),
};

/** The outcome of an attempt that lacks some of these runs. */
export function lackingValues(
  cid: fc.Arbitrary<string>,
  error: fc.Arbitrary<WorkError>,
): fc.Arbitrary<Extract<Outcome, { kind: "lacking" }>> {
  const lost = fc.record({ cid, child: fc.option(natural, { nil: undefined }), unit: natural });
  return fc.record({
    kind: fc.constant("lacking"),
    lost: fc.array(lost, { maxLength: 3 }),
    error,
  });
}
