/** Stripes keep what they are made of, and go with the last block that something names. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { at, block, file, inline, TreeKit } from "../../../test/lib/tree-kit.ts";
import { treeKeys } from "./keys.ts";
import type { Stripe } from "./rows.ts";
import { stripesOf } from "./stripes.ts";

function stripe(data: readonly number[], ...parity: readonly number[]): Stripe {
  return { data: data.map(block), parity: parity.map((number) => block(number).cid) };
}

/** Commits a file of these blocks, coded. */
function commit(kit: TreeKit, path: string, numbers: readonly number[], ...stripes: Stripe[]) {
  const files = [file(path, ...numbers)];
  const command = { kind: "fs-commit", upload: "u1", files, parents: true } as const;
  return kit.run({ kind: "fs-coded", command, stripes });
}

const rowOf = (kit: TreeKit, number: number) => kit.rows.get(treeKeys.block(block(number).cid));

test("parity is kept as long as something names a block of its stripe, and goes with the last", () => {
  const kit = TreeKit.withPin();
  commit(kit, "a", [1, 2], stripe([1, 2], 50));
  commit(kit, "b", [2]);
  kit.unlink("a");
  expect([rowOf(kit, 1), rowOf(kit, 50)]).toMatchObject([{ references: 0 }, { references: 0 }]);
  kit.checkCounts();
  kit.unlink("b");
  expect([1, 2, 50].map((number) => rowOf(kit, number))).toEqual([undefined, undefined, undefined]);
  expect([...kit.rows.values()].some(({ kind }) => kind === "fs-stripe")).toBe(false);
});

test("a block that only its stripe keeps may be named again without a pin", () => {
  const kit = TreeKit.withPin();
  commit(kit, "a", [1, 2], stripe([1, 2], 50));
  commit(kit, "b", [2]);
  kit.unlink("a");
  const files = [file("c", 1)];
  const answer = kit.run({ kind: "fs-commit", upload: undefined, files, parents: false });
  expect(answer.kind).toBe("inode");
  kit.unlink("b");
  expect(rowOf(kit, 2)).toMatchObject({ references: 0 });
  kit.checkCounts();
});

test("a stripe is left out that has a block of another one, or one that nothing names", () => {
  const kit = TreeKit.withPin();
  commit(kit, "a", [1, 2], stripe([1, 2], 50));
  commit(kit, "b", [2, 3], stripe([2, 3], 51));
  commit(kit, "c", [4], stripe([4, 5], 52));
  commit(kit, "d", [6, 7], stripe([6, 7], 7));
  const found = stripesOf(
    kit.view,
    [1, 2, 3, 4, 6, 7].map((number) => block(number).cid),
  );
  expect([...found.keys()]).toEqual([block(1).cid, block(2).cid]);
  kit.checkCounts();
});

test("blocks of a staged part are coded with the part, and go when the pin lapses", () => {
  const kit = TreeKit.withPin();
  const blocks = [1, 2, 3].map(block);
  const command = { kind: "fs-stage", upload: "u1", content: 0, part: 0, blocks } as const;
  kit.run({ kind: "fs-coded", command, stripes: [stripe([1, 2, 3], 50, 51)] });
  expect(rowOf(kit, 50)).toMatchObject({ references: 0 });
  kit.run({ kind: "fs-release", upload: "u1" });
  kit.sweep();
  expect([1, 50, 51].map((number) => rowOf(kit, number))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("a volume whose blocks may be coded says so for ever", () => {
  const kit = TreeKit.withPin();
  const options = {
    ...({ copies: 2, chunking: "fixed", quotaBytes: undefined, quotaInodes: undefined } as const),
    erasure: { data: 2, parity: 1 },
  };
  const set = kit.run({ kind: "fs-volume", revision: 0, options });
  const revision = set.kind === "inode" ? set.revision : 0;
  kit.run({ kind: "fs-volume", revision, options: { ...options, erasure: undefined } });
  expect(kit.rows.get("Fv/")).toMatchObject({ erasure: { data: 2, parity: 1 } });
});

test("whatever is committed and removed, stripes and blocks count each other, and nothing is left over", () => {
  const number = fc.integer({ min: 1, max: 8 });
  const step = fc.record({
    path: fc.constantFrom("a", "b", "c", "d"),
    blocks: fc.array(number, { maxLength: 4 }),
    data: fc.array(number, { maxLength: 3 }),
    parity: fc.array(fc.integer({ min: 7, max: 14 }), { minLength: 1, maxLength: 2 }),
    removes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const kit = TreeKit.withPin();
      for (const { path, blocks, data, parity, removes } of steps) {
        if (removes) kit.unlink(path);
        else commit(kit, path, blocks, stripe(data, ...parity));
        kit.checkCounts();
      }
      for (const path of ["a", "b", "c", "d"]) kit.unlink(path);
      kit.sweep();
      const left = [...kit.rows.values()].filter(
        ({ kind }) => kind === "fs-block" || kind === "fs-stripe",
      );
      expect(left).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test("a copy of a list names the blocks of stripes once more", () => {
  const kit = TreeKit.withPin();
  commit(kit, "a", [1, 2], stripe([1, 2], 50));
  const copied = { ...file("b"), place: at("b"), content: inline(1, 2) };
  kit.commit([copied]);
  kit.unlink("a");
  expect(rowOf(kit, 1)).toMatchObject({ references: 1, stripe: 1 });
  kit.checkCounts();
});
