import { describe, expect, test } from "vitest";
import { assert } from "../std/assert.ts";
import { WEIGHT_MAX } from "../workflow/definition.ts";
import { schedulerMessageCodec } from "./execution.ts";

const DEMAND = { kind: "demand", group: 4, term: 2, ready: 9, heard: 1, held: 3 } as const;
/** Stands in no other field. */
const WEIGHT = 77;

/** A demand as another program writes it, whose weight is whatever it likes. */
function demandOf(weight: unknown): readonly unknown[] {
  const raw = schedulerMessageCodec.encode({ ...DEMAND, weight: WEIGHT });
  assert(Array.isArray(raw) && raw.includes(WEIGHT), "a message is a list of its fields");
  return raw.map((field: unknown) => (field === WEIGHT ? weight : field));
}

describe("the weight in a demand", () => {
  test.each([1, 2, WEIGHT_MAX])("%s is taken", (weight) => {
    expect(schedulerMessageCodec.decode(demandOf(weight))).toEqual({ ...DEMAND, weight });
  });

  test.each([0, -1, WEIGHT_MAX + 1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null])(
    "%s is refused",
    (weight) => {
      const decode = (): unknown => schedulerMessageCodec.decode(demandOf(weight));
      expect(decode).toThrow(expect.objectContaining({ code: "WIRE_MALFORMED" }));
    },
  );

  test("that is missing is refused", () => {
    const short = demandOf(WEIGHT).filter((field) => field !== WEIGHT);
    const decode = (): unknown => schedulerMessageCodec.decode(short);
    expect(decode).toThrow(expect.objectContaining({ code: "WIRE_MALFORMED" }));
  });
});
