import { describe, expect, test } from "vitest";
import { type BlockHandOnDeps, handOnBlocks } from "./block-hand-on.ts";
import type { CallAnswer } from "./ports.ts";

const FULL: CallAnswer = { kind: "error", code: "FS_DISK_FULL", message: "no room", details: {} };

/** A node with the blocks of `wanted`, and heirs with some of them; `refuses` answers in their place. */
function leaving(of: {
  readonly wanted: Readonly<Record<string, number>>;
  readonly heirs: Readonly<Record<string, readonly string[]>>;
  readonly refuses?: Readonly<Record<string, CallAnswer | undefined>>;
}) {
  const stores = new Map(Object.entries(of.heirs).map(([node, cids]) => [node, new Set(cids)]));
  const copied: string[] = [];
  const deps: BlockHandOnDeps = {
    heirs: () => [...stores.keys()],
    wanted: (cids) => Promise.resolve(cids.map((cid) => of.wanted[cid] ?? 0)),
    runs: {
      listBlocks: (after) => Promise.resolve(Object.keys(of.wanted).filter((cid) => cid > after)),
    },
    caller: {
      ask(node, call) {
        const store = stores.get(node) ?? new Set();
        if (call.kind === "have-blocks") {
          return Promise.resolve({ kind: "blocks", here: call.cids.map((cid) => store.has(cid)) });
        }
        if (of.refuses !== undefined && node in of.refuses) {
          return Promise.resolve(of.refuses[node]);
        }
        if (call.kind !== "copy-blocks") return Promise.reject(new Error("nothing else is asked"));
        for (const cid of call.cids) {
          store.add(cid);
          copied.push(`${cid} to ${node}`);
        }
        return Promise.resolve({ kind: "done" });
      },
    },
  };
  const copiesOf = (cid: string): number =>
    [...stores.values()].filter((store) => store.has(cid)).length;
  return { deps, copied, copiesOf };
}

describe("handing blocks on", () => {
  test("each is on as many other nodes as is asked for when its node may go, and on no more", async () => {
    const { deps, copied, copiesOf } = leaving({
      wanted: { a: 1, b: 2, c: 2, d: 3 },
      heirs: { one: ["a", "b"], two: ["c"], three: ["c", "d"], four: [] },
    });
    await handOnBlocks(deps);
    expect(["a", "b", "c", "d"].map(copiesOf)).toEqual([1, 2, 2, 3]);
    expect(copied).toHaveLength(3);
    await handOnBlocks(deps);
    expect(copied).toHaveLength(3);
  });

  test("more copies than there are other nodes are not waited for", async () => {
    const { deps, copiesOf } = leaving({ wanted: { a: 5 }, heirs: { one: [], two: [] } });
    await handOnBlocks(deps);
    expect(copiesOf("a")).toBe(2);
  });

  test("a node without room is passed over, and its place is taken where somebody has room", async () => {
    const { deps, copiesOf } = leaving({
      wanted: { a: 2, b: 2 },
      heirs: { one: [], two: [], three: [] },
      refuses: { two: FULL },
    });
    await handOnBlocks(deps);
    expect(["a", "b"].map(copiesOf)).toEqual([2, 2]);
  });

  test("fewer copies are enough only where all who have room have one", async () => {
    const { deps, copiesOf } = leaving({
      wanted: { a: 2 },
      heirs: { one: [], two: [] },
      refuses: { two: FULL },
    });
    await handOnBlocks(deps);
    expect(copiesOf("a")).toBe(1);
    const none = leaving({ wanted: { a: 2 }, heirs: { one: [] }, refuses: { one: FULL } });
    await expect(handOnBlocks(none.deps)).rejects.toMatchObject({ code: "NODE_BLOCKS_STAY" });
  });

  test("a node that says nothing may take it later, so the one that leaves stays", async () => {
    const { deps } = leaving({
      wanted: { a: 2 },
      heirs: { one: [], two: [] },
      refuses: { two: undefined },
    });
    await expect(handOnBlocks(deps)).rejects.toMatchObject({ code: "NODE_BLOCKS_STAY" });
  });

  test("nobody to hand on to keeps the node", async () => {
    const { deps } = leaving({ wanted: { a: 1 }, heirs: {} });
    await expect(handOnBlocks(deps)).rejects.toMatchObject({ code: "NODE_BLOCKS_STAY" });
  });
});
