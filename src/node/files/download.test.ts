import fc from "fast-check";
import { expect, test } from "vitest";
import { partsOf } from "./download.ts";

/** Blocks whose bytes are their places in the file. */
const blocksOf = (sizes: readonly number[]) => sizes.map((bytes, at) => ({ cid: `${at}`, bytes }));

test("the parts of a range are its bytes, each once and in order", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(sizes, fc.nat(20), fc.nat(80), fc.nat(80), (list, startBytes, first, length) => {
      const total = list.reduce((sum, bytes) => sum + bytes, 0);
      const range = { from: first, to: first + length };
      const starts = list.map((_, at) =>
        list.slice(0, at).reduce((sum, bytes) => sum + bytes, startBytes),
      );
      const told = partsOf({ startBytes, blocks: blocksOf(list) }, range).flatMap((part) => {
        expect(part.from).toBeLessThan(part.to);
        const start = starts[Number(part.cid)] ?? 0;
        return Array.from({ length: part.to - part.from }, (_, at) => start + part.from + at);
      });
      const wanted = Array.from({ length: total }, (_, at) => startBytes + at).filter(
        (at) => at >= range.from && at < range.to,
      );
      expect(told).toEqual(wanted);
    }),
  );
});
