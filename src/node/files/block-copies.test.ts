import { expect, test } from "vitest";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import { rendezvousOrder } from "../../std/rendezvous.ts";
import { copyBlocks } from "./block-copies.ts";

const CIDS = Array.from({ length: 40 }, (_, at) => `${at}`.padStart(64, "0"));

/** Nodes that take copies, or answer something else. */
class Nodes {
  readonly held = new Map<string, Set<string>>();
  readonly answers = new Map<string, () => CallAnswer | undefined>();
  up: readonly string[];
  sleeps = 0;

  constructor(...up: readonly string[]) {
    this.up = up;
  }

  copy(wanted: number, signal = new AbortController().signal): Promise<number> {
    const deps = {
      caller: { ask: (node: string, call: Call) => Promise.resolve(this.#ask(node, call)) },
      others: () => this.up,
      sleep: () => {
        this.sleeps += 1;
        return Promise.resolve();
      },
    };
    return copyBlocks(CIDS, deps, { wanted, signal });
  }

  #ask(node: string, call: Call): CallAnswer | undefined {
    const other = this.answers.get(node);
    if (other !== undefined) return other();
    if (call.kind !== "copy-blocks") throw new Error("only copies are asked for");
    expect(call.cids.length).toBeLessThanOrEqual(8);
    const held = this.held.get(node) ?? new Set();
    for (const cid of call.cids) held.add(cid);
    this.held.set(node, held);
    return { kind: "done" };
  }
}

test("each block goes to the nodes that come first for it, and to no more than are wanted", async () => {
  const nodes = new Nodes("a", "b", "c", "d");
  expect(await nodes.copy(3)).toBe(3);
  for (const cid of CIDS) {
    const holders = nodes.up.filter((node) => nodes.held.get(node)?.has(cid));
    expect(new Set(holders)).toEqual(new Set(rendezvousOrder(cid, nodes.up).slice(0, 2)));
  }
});

test("where fewer nodes are up there are as many copies as can be, and nobody waits for more", async () => {
  expect(await new Nodes().copy(2)).toBe(1);
  const nodes = new Nodes("a");
  expect(await nodes.copy(4)).toBe(2);
  expect(nodes.sleeps).toBe(0);
  expect(await new Nodes("a", "b").copy(1)).toBe(1);
});

test("what a node with a full disk does not take goes to the next one at once", async () => {
  const nodes = new Nodes("a", "b");
  nodes.answers.set("a", () => ({ kind: "error", code: "FS_DISK_FULL", message: "", details: {} }));
  expect(await nodes.copy(2)).toBe(2);
  expect(nodes.held.get("b")?.size).toBe(CIDS.length);
  expect(await nodes.copy(3)).toBe(2);
  expect(nodes.sleeps).toBe(0);
});

test("a node that is up and does not answer is asked again until it does, or is up no more", async () => {
  const nodes = new Nodes("a");
  let asked = 0;
  nodes.answers.set("a", () => {
    asked += 1;
    if (asked > 20) nodes.answers.delete("a");
    return undefined;
  });
  expect(await nodes.copy(2)).toBe(2);
  nodes.answers.set("a", () => {
    nodes.up = [];
    return undefined;
  });
  expect(await nodes.copy(2)).toBe(1);
});

test("a node that never answers leaves the copies that there are", async () => {
  const nodes = new Nodes("a", "b");
  nodes.answers.set("a", () => undefined);
  expect(await nodes.copy(3)).toBe(2);
  expect(nodes.sleeps).toBeGreaterThan(3);
});

test("an upload that is over copies nothing more", async () => {
  const nodes = new Nodes("a");
  await expect(nodes.copy(2, AbortSignal.abort(new Error("over")))).rejects.toThrow("over");
  expect(nodes.held.size).toBe(0);
});
