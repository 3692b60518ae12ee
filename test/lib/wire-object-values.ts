/** Any value of what requests over lists of objects add. */
import fc from "fast-check";
import type { ClientCommand } from "../../src/scheduler/commands.ts";
import type { Dataset } from "../../src/scheduler/dataset.ts";
import {
  FETCH_AHEAD_MAX,
  type Listing,
  type ObjectInput,
  SEGMENT_CHILDREN,
} from "../../src/scheduler/objects.ts";
import type { Outcome, Work } from "../../src/scheduler/work.ts";

const words = fc.stringMatching(/^[a-z ]{0,12}$/u);
const name = fc.stringMatching(/^[a-z_][a-z0-9.]{0,7}$/u);

/** How objects are taken. */
export const objects: fc.Arbitrary<ObjectInput> = fc.record({
  form: fc.constantFrom("path", "lines", "ndjson", "bytes", "csv", "keyed"),
  compression: fc.constantFrom("auto", "none", "gz", "xz", "zst", "bz2"),
  ahead: fc.integer({ min: 1, max: FETCH_AHEAD_MAX }),
  unavailable: fc.constantFrom("fail", "skip"),
});

/** How far a list is. */
export const listing: fc.Arbitrary<Listing> = fc.record({ cursor: words, closed: fc.boolean() });

/** Work that lists. */
export function listWork(
  dataset: fc.Arbitrary<Dataset>,
): fc.Arbitrary<Extract<Work, { kind: "list" }>> {
  return fc.record({
    kind: fc.constant("list"),
    sources: dataset,
    cursor: words,
    limit: fc.integer({ min: 1, max: SEGMENT_CHILDREN }),
    parts: fc.constant(1),
    keepYieldOrder: fc.constant(true),
    timeoutMs: fc.nat(300),
  });
}

/** What it comes to. */
export function listedOutcome(
  dataset: fc.Arbitrary<Dataset>,
): fc.Arbitrary<Extract<Outcome, { kind: "listed" }>> {
  return fc.record({
    kind: fc.constant("listed"),
    children: dataset,
    cursor: words,
    closed: fc.boolean(),
    warnings: fc.array(words, { maxLength: 3 }),
  });
}

/** The command that begins a request over a list. */
export function submitObjects(
  dataset: fc.Arbitrary<Dataset>,
): fc.Arbitrary<Extract<ClientCommand, { kind: "submit-objects" }>> {
  return fc.record({
    kind: fc.constant("submit-objects"),
    job: name,
    arguments: dataset,
    keep: fc.option(name, { nil: undefined }),
    objects,
  });
}
