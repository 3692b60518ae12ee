/** Blocks of a stripe are on as many different nodes as there are, and move no more than that takes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blocksPerNode, likelyHolders, nodesToSpare, planStripe } from "./placing.ts";

const nodes = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `node-${at}`);

describe("the plan of a stripe", () => {
  test("blocks that nobody has go to different nodes, each where it is looked for first", () => {
    const plan = planStripe({ seed: "a", holders: [[], [], []] }, nodes(5));
    expect(new Set(plan).size).toBe(3);
    expect(plan).toEqual([0, 1, 2].map((index) => likelyHolders("a", index, nodes(5))[0]));
  });

  test("no node has more than its part, and what a node has stays there where that allows it", () => {
    const cases = fc.record({
      count: fc.integer({ min: 1, max: 7 }),
      holders: fc.array(fc.uniqueArray(fc.nat(8), { maxLength: 3 }), {
        minLength: 1,
        maxLength: 8,
      }),
      seed: fc.string(),
    });
    fc.assert(
      fc.property(cases, ({ count, holders: numbers, seed }) => {
        const able = nodes(count);
        const holders = numbers.map((list) => list.map((number) => `node-${number}`));
        const plan = planStripe({ seed, holders }, able);
        const counts = able.map((node) => plan.filter((one) => one === node).length);
        expect(Math.max(...counts)).toBeLessThanOrEqual(blocksPerNode(holders.length, count));
        expect(plan.every((node) => node !== undefined && able.includes(node))).toBe(true);
        // What is planned may be carried out: asked again with what is then there, nothing moves.
        const then = holders.map((having, at) => [...having, plan[at] ?? ""]);
        const again = planStripe({ seed, holders: then }, able);
        expect(again.every((node, at) => then[at]?.includes(node ?? "") === true)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("a node that is lost moves only what it had", () => {
    const able = nodes(6);
    const before = planStripe({ seed: "b", holders: [[], [], [], []] }, able);
    const [gone] = before;
    const holders = before.map((node) => (node === undefined || node === gone ? [] : [node]));
    const after = planStripe(
      { seed: "b", holders },
      able.filter((node) => node !== gone),
    );
    expect(after.slice(1)).toEqual(before.slice(1));
    expect(new Set(after).size).toBe(4);
  });

  test("without any node there is no place", () => {
    expect(planStripe({ seed: "c", holders: [[], []] }, [])).toEqual([undefined, undefined]);
  });
});

test("nodes to spare are counted by those that have most", () => {
  expect(nodesToSpare(["a", "b", "c"], 2)).toBe(1);
  expect(nodesToSpare(["a", "b", "c", "d", "e", "f"], 4)).toBe(2);
  expect(nodesToSpare(["a", "b", "a", "b", "c", "d"], 4)).toBe(1);
  expect(nodesToSpare(["a", "a", "b"], 2)).toBe(0);
  expect(nodesToSpare(["a", "b", undefined], 2)).toBe(0);
  expect(nodesToSpare(["a", undefined, undefined], 2)).toBe(-1);
});
