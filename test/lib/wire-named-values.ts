/** Any value of the rows and commands of named units. */
import fc from "fast-check";
import type { NamedCommand } from "../../src/scheduler/named/commands.ts";
import type { NamedHolder, NamedRow, NamedStand } from "../../src/scheduler/named/rows.ts";
import { type Kinds, ofKinds } from "./wire-values.ts";

const one = fc.constant;
const natural = fc.oneof(fc.nat(300), fc.maxSafeNat());
const spec = fc.stringMatching(/^[a-z_][a-z0-9.]{0,7}$/u);
const key = fc.uint8Array({ minLength: 1, maxLength: 12 });
const data = fc.uint8Array({ maxLength: 12 });
const priority = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (value === 0 ? 0 : value));
const token = fc.record({ index: natural, ordinal: natural });
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.array(item, { maxLength: 3 });
const maybe = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(item, { nil: undefined });

const holders: Kinds<NamedHolder> = {
  node: fc.record({ kind: one("node"), node: spec, executor: spec }),
  worker: fc.record({ kind: one("worker"), worker: spec, deadlineMs: natural }),
};
const holder = ofKinds<NamedHolder>(holders);

const stands: Kinds<NamedStand> = {
  waiting: fc.record({ kind: one("waiting"), notBeforeMs: natural }),
  ready: fc.record({ kind: one("ready") }),
  held: fc.record({ kind: one("held"), token, holder }),
  finished: fc.record({ kind: one("finished"), endedMs: natural }),
  failed: fc.record({ kind: one("failed"), endedMs: natural }),
};

/** Rows of named units. */
export const namedRowKinds: Kinds<NamedRow> = {
  "named-unit": fc.record({
    kind: one("named-unit"),
    priority,
    stand: ofKinds<NamedStand>(stands),
    data,
    grants: natural,
  }),
  "named-index": fc.record({ kind: one("named-index") }),
  "named-counts": fc.record({
    kind: one("named-counts"),
    waiting: natural,
    ready: natural,
    held: natural,
    finished: natural,
    failed: natural,
  }),
};

/** Commands of named units. */
export const namedCommandKinds: Kinds<NamedCommand> = {
  "named-add": fc.record({
    kind: one("named-add"),
    spec,
    units: list(fc.record({ key, priority, notBeforeMs: natural, data })),
  }),
  "named-grant": fc.record({
    kind: one("named-grant"),
    units: list(fc.record({ spec, key })),
    holder,
  }),
  "named-end": fc.record({
    kind: one("named-end"),
    ends: list(
      fc.record({
        spec,
        key,
        token,
        how: fc.constantFrom("finished", "failed", "released"),
        data: maybe(data),
      }),
    ),
  }),
  "named-renew": fc.record({
    kind: one("named-renew"),
    renewals: list(fc.record({ spec, key, token, deadlineMs: natural, data: maybe(data) })),
  }),
  "named-due": fc.record({ kind: one("named-due"), keys: list(fc.string({ maxLength: 12 })) }),
  "named-take-back": fc.record({
    kind: one("named-take-back"),
    held: list(fc.record({ spec, key, token })),
  }),
  "named-remove": fc.record({ kind: one("named-remove"), units: list(fc.record({ spec, key })) }),
};
