import { expect, test } from "vitest";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import { rendezvousOrder } from "../../std/rendezvous.ts";
import { type Healed, healBlocks } from "./block-healing.ts";

const BLOCKS = Array.from({ length: 40 }, (_, at) => ({
  cid: `${at}`.padStart(64, "0"),
  bytes: 1000,
}));

/** Nodes with blocks; what they are told to take they fetch from each other. */
class Nodes {
  readonly held = new Map<string, Set<string>>();
  readonly down = new Set<string>();
  readonly full = new Set<string>();
  readonly leaving = new Set<string>();
  paced = 0;

  constructor(...nodes: readonly string[]) {
    for (const node of nodes) this.held.set(node, new Set());
  }

  put(node: string, cids: Iterable<string>): void {
    for (const cid of cids) this.held.get(node)?.add(cid);
  }

  holders(cid: string): readonly string[] {
    return [...this.held].flatMap(([node, cids]) => (cids.has(cid) ? [node] : []));
  }

  heal(wanted: number): Promise<Healed> {
    const deps = {
      caller: { ask: (node: string, call: Call) => Promise.resolve(this.#ask(node, call)) },
      members: () =>
        [...this.held.keys()].map((node) => ({
          node,
          isUp: !this.down.has(node),
          stays: !this.leaving.has(node),
        })),
      pace: (bytes: number) => {
        this.paced += bytes;
        return Promise.resolve();
      },
    };
    return healBlocks(BLOCKS, deps, { wanted, signal: new AbortController().signal });
  }

  #ask(node: string, call: Call): CallAnswer | undefined {
    const held = this.held.get(node) ?? new Set();
    if (this.down.has(node)) return undefined;
    if (call.kind === "have-blocks") {
      return { kind: "blocks", here: call.cids.map((cid) => held.has(cid)) };
    }
    if (call.kind !== "take-blocks") throw new Error("nothing else is asked");
    expect(call.cids.length).toBeLessThanOrEqual(8);
    if (this.full.has(node)) {
      return { kind: "error", code: "FS_DISK_FULL", message: "no room", details: {} };
    }
    for (const cid of call.cids) {
      const source = call.from.find((from) => this.held.get(from)?.has(cid) === true);
      if (source !== undefined && !this.down.has(source)) held.add(cid);
    }
    return { kind: "blocks", here: call.cids.map((cid) => held.has(cid)) };
  }
}

const CIDS = BLOCKS.map(({ cid }) => cid);

test("blocks of a node that is gone are copied to the nodes that come first for them", async () => {
  const nodes = new Nodes("a", "b", "c", "d");
  nodes.put("a", CIDS);
  nodes.put("b", CIDS);
  nodes.down.add("b");
  expect(await nodes.heal(2)).toEqual({
    ...{ blocks: 40, copied: 40, copiedBytes: 40_000 },
    ...{ short: 0, missing: 0, lost: 0 },
  });
  for (const cid of CIDS) {
    const [first] = rendezvousOrder(cid, ["c", "d"]);
    expect(nodes.holders(cid)).toEqual(["a", "b", first].sort());
  }
  expect(nodes.paced).toBe(40_000);
});

test("copies of a node that is back count, and nothing is copied that is there often enough", async () => {
  const nodes = new Nodes("a", "b", "c");
  nodes.put("a", CIDS);
  nodes.put("b", CIDS);
  expect(await nodes.heal(2)).toMatchObject({ copied: 0, short: 0 });
});

test("no more copies are wanted than there are nodes, and a single node is short of none", async () => {
  const alone = new Nodes("a");
  alone.put("a", CIDS);
  expect(await alone.heal(3)).toMatchObject({ copied: 0, short: 0, lost: 0 });
  const two = new Nodes("a", "b");
  two.put("a", CIDS);
  expect(await two.heal(3)).toMatchObject({ copied: 40, short: 0 });
});

test("a full node is passed over, and where nobody else has room the shortage is told", async () => {
  const nodes = new Nodes("a", "b", "c");
  nodes.put("a", CIDS);
  nodes.full.add("b");
  expect(await nodes.heal(2)).toMatchObject({ copied: 40, short: 0 });
  expect(CIDS.every((cid) => nodes.held.get("c")?.has(cid) === true)).toBe(true);
  nodes.full.add("c");
  nodes.held.get("c")?.clear();
  expect(await nodes.heal(2)).toMatchObject({ copied: 0, short: 40 });
});

test("what a node that leaves has does not count, and can be fetched from it", async () => {
  const nodes = new Nodes("a", "b", "c");
  nodes.put("a", CIDS);
  nodes.leaving.add("a");
  expect(await nodes.heal(2)).toMatchObject({ copied: 80, short: 0 });
  expect(nodes.held.get("b")?.size).toBe(40);
  expect(nodes.held.get("c")?.size).toBe(40);
});

test("a block that nobody has is lost when all have answered, and missing while one is away", async () => {
  const nodes = new Nodes("a", "b");
  nodes.put("a", CIDS.slice(1));
  nodes.put("b", CIDS.slice(1));
  expect(await nodes.heal(2)).toMatchObject({ lost: 1, missing: 0 });
  nodes.down.add("b");
  expect(await nodes.heal(2)).toMatchObject({ lost: 0, missing: 1 });
});
