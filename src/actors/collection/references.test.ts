import { expect, test } from "vitest";
import type { RunPiece } from "../../scheduler/dataset.ts";
import { keys } from "../../scheduler/keys.ts";
import { HashFilter } from "./hash-filter.ts";
import { DATASET_PREFIXES, runsOf } from "./references.ts";

function run(cid: string): RunPiece {
  return { kind: "run", cid, bytes: 1, count: 1, order: "key", holders: [] };
}

test("each row that may have datasets is found under a prefix that is scanned", () => {
  const place = { part: 0, child: 0, unit: 0 };
  const found = [
    keys.request(1),
    keys.invocation(1, [2]),
    keys.block(1, [2], 0),
    keys.result(1, [2], place),
    keys.output(1, 0),
    keys.segment(1, 0),
  ].map((key) => DATASET_PREFIXES.find((prefix) => key.startsWith(prefix)));
  expect(found.toSorted()).toEqual([...DATASET_PREFIXES]);
});

test("the runs of a block of children are those of all its children, whatever is inline", () => {
  const inline = { kind: "inline", bytes: new Uint8Array(1), count: 1, order: "key" } as const;
  const child = { startedAfterMs: undefined, endedAfterMs: 0 };
  const alike = { failureCode: undefined, attempts: 1, node: "n", grantedMs: 0 };
  expect(
    runsOf({
      kind: "block",
      stretches: [
        { ...alike, first: 0, children: [{ ...child, data: [run("a"), inline] }] },
        {
          ...alike,
          first: 4,
          children: [
            { ...child, data: undefined },
            { ...child, data: [run("b")] },
          ],
        },
      ],
    }),
  ).toEqual(["a", "b"]);
  expect(runsOf({ kind: "result", data: [inline, run("c")] })).toEqual(["c"]);
});

test("a filter has all that was added, and of others nearly none", () => {
  const filter = new HashFilter(12_345);
  const cid = (number: number) =>
    Array.from({ length: 8 }, (_, at) =>
      (Math.imul(number + 1, 0x9e3779b1 + at * 2_654_435) >>> 0).toString(16).padStart(8, "0"),
    ).join("");
  for (let number = 0; number < 10_000; number++) filter.add(cid(number));
  for (let number = 0; number < 10_000; number++) expect(filter.has(cid(number))).toBe(true);
  let wrong = 0;
  for (let number = 10_000; number < 20_000; number++) if (filter.has(cid(number))) wrong++;
  expect(wrong).toBeLessThan(50);
});
