import { expect, test } from "vitest";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import { BLOCKS_GATHERED_MAX, CopyOrders } from "./copy-orders.ts";

interface Asked {
  readonly node: string;
  readonly cids: readonly string[];
  readonly answer: (answer: CallAnswer | undefined) => void;
}

/** Orders, and what was asked of nodes. */
function orders(): { readonly asked: Asked[]; readonly copy: CopyOrders } {
  const asked: Asked[] = [];
  const ask = (node: string, call: Call): Promise<CallAnswer | undefined> =>
    new Promise((resolve) => {
      if (call.kind === "copy-blocks") asked.push({ node, cids: call.cids, answer: resolve });
    });
  return { asked, copy: new CopyOrders({ ask }) };
}

const one = (cid: string) => ({ kind: "copy-blocks", cids: [cid] }) as const;
const DONE = { kind: "done" } as const;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("an order goes at once where none is under way, and those that come meanwhile go together", async () => {
  const { asked, copy } = orders();
  const all = ["a", "b", "c", "d", "c"].map((cid) => copy.ask("n2", one(cid), 1_000));
  void copy.ask("n3", one("a"), 1_000);
  expect(asked.map(({ node, cids }) => [node, cids])).toEqual([
    ["n2", ["a"]],
    ["n2", ["b"]],
    ["n3", ["a"]],
  ]);
  asked[0]?.answer(DONE);
  await turn();
  expect(asked[3]?.cids).toEqual(["c", "d"]);
  asked[1]?.answer(DONE);
  asked[3]?.answer(DONE);
  expect(await Promise.all(all)).toEqual([DONE, DONE, DONE, DONE, DONE]);
});

test("no order is for more blocks than may be gathered", async () => {
  const { asked, copy } = orders();
  for (let at = 0; at < BLOCKS_GATHERED_MAX + 5; at += 1)
    void copy.ask("n2", one(String(at)), 1_000);
  asked[0]?.answer(DONE);
  asked[1]?.answer(DONE);
  await turn();
  expect(asked.slice(2).map(({ cids }) => cids.length)).toEqual([BLOCKS_GATHERED_MAX, 3]);
});

test("a block that a node cannot take fails for nobody else", async () => {
  const { asked, copy } = orders();
  const all = ["a", "b", "c", "d"].map((cid) => copy.ask("n2", one(cid), 1_000));
  const full = { kind: "error", code: "FS_DISK_FULL", message: "", details: {} } as const;
  asked[0]?.answer(DONE);
  asked[1]?.answer(DONE);
  await turn();
  asked[2]?.answer(undefined);
  await turn();
  expect(asked.slice(3).map(({ cids }) => cids)).toEqual([["c"], ["d"]]);
  asked[3]?.answer(full);
  asked[4]?.answer(DONE);
  expect(await Promise.all(all)).toEqual([DONE, DONE, full, DONE]);
});

test("orders for several blocks go as they are", () => {
  const { asked, copy } = orders();
  void copy.ask("n2", one("a"), 1_000);
  void copy.ask("n2", one("b"), 1_000);
  void copy.ask("n2", { kind: "copy-blocks", cids: ["c", "d"] }, 1_000);
  expect(asked.map(({ cids }) => cids)).toEqual([["a"], ["b"], ["c", "d"]]);
});

test("blocks that come along go together up to the bytes of one order, apart from those to be fetched", async () => {
  const sent: (readonly number[] | string)[] = [];
  const answers: (() => void)[] = [];
  const copy = new CopyOrders({
    ask: (_node, call) =>
      new Promise((resolve) => {
        answers.push(() => resolve(DONE));
        sent.push(
          call.kind === "store-blocks" ? call.blocks.map(({ length }) => length) : call.kind,
        );
      }),
  });
  const KIB = 1024;
  const sizes = [1, 1, 50 * KIB, 50 * KIB, 50 * KIB, 150 * KIB, 2];
  const all = sizes.map((bytes) =>
    copy.ask("n2", { kind: "store-blocks", blocks: [new Uint8Array(bytes)] }, 1_000),
  );
  all.push(copy.ask("n2", one("a"), 1_000));
  expect(sent).toEqual([[1], [1], "copy-blocks"]);
  for (let at = 0; at < answers.length; at += 1) {
    answers[at]?.();
    await turn();
  }
  expect(sent.slice(3)).toEqual([[50 * KIB, 50 * KIB], [50 * KIB], [150 * KIB], [2]]);
  expect(await Promise.all(all)).toEqual(all.map(() => DONE));
});
