/** Blocks of stripes among nodes: coded when they are put, made again when nodes are lost, each on a node of its own. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { TreeKit } from "../../../test/lib/tree-kit.ts";
import { BlockDrops } from "../../actors/block-drops.ts";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import { cidOf } from "../../fs/cid.ts";
import { CondemnedBlocks } from "../../fs/condemned.ts";
import { parityOf } from "../../fs/erasure/reed-solomon.ts";
import { rebuildBlock, stripeBlocks } from "../../fs/erasure/stripe.ts";
import { blockMissing } from "../../fs/errors.ts";
import type { SealedChunk } from "../../fs/seal.ts";
import type { Stripe, StripeRow } from "../../scheduler/tree/rows.ts";
import { membersOf } from "../../scheduler/tree/stripes.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import { placesOf } from "./block-places.ts";
import { healStripes, standingOfStripe } from "./stripe-healing.ts";
import { type CodedChunks, StripeWriter } from "./stripe-writer.ts";
import { TreeReader } from "./tree-reader.ts";

/** Nodes with their blocks in memory, and the real rules for what they do to them. */
class Nodes {
  readonly disks = new Map<NodeId, Map<Cid, Uint8Array>>();
  readonly down = new Set<NodeId>();
  readonly full = new Set<NodeId>();
  readonly tree = TreeKit.withPin();
  readonly #drops = new Map<NodeId, BlockDrops>();

  constructor(count: number) {
    for (let at = 1; at <= count; at++) this.#add(`n${at}`);
  }

  #add(node: NodeId): void {
    this.disks.set(node, new Map());
    const offered = new CondemnedBlocks();
    this.#drops.set(
      node,
      new BlockDrops({
        caller: { ask: (to, call) => this.ask(node, to, call) },
        wanted: (cids) => Promise.resolve(cids.map(() => 1)),
        runs: {
          haveBlocks: (cids) => Promise.resolve(cids.map((cid) => this.disk(node).has(cid))),
          blockFacts: (cids) =>
            Promise.resolve(
              cids.map((cid) => {
                const bytes = this.disk(node).get(cid);
                return bytes && { bytes: bytes.length, isRun: false };
              }),
            ),
          coded: {
            offer: (cids) => Promise.resolve(cids.map((cid) => offered.condemn(cid))),
            drop: (cids) => Promise.resolve(cids.map((cid) => this.disk(node).delete(cid))),
          },
        },
      }),
    );
  }

  disk(node: NodeId): Map<Cid, Uint8Array> {
    return this.disks.get(node) ?? new Map<Cid, Uint8Array>();
  }

  async ask(from: NodeId, to: NodeId, call: Call): Promise<CallAnswer | undefined> {
    const drops = this.#drops.get(to);
    if (this.down.has(to) || drops === undefined) return undefined;
    const disk = this.disk(to);
    if (call.kind === "copy-blocks") {
      if (this.full.has(to))
        return { kind: "error", code: "FS_DISK_FULL", message: "", details: {} };
      for (const cid of call.cids) disk.set(cid, this.disk(from).get(cid) ?? new Uint8Array(0));
      return { kind: "done" };
    }
    if (call.kind === "keep-blocks") {
      return { kind: "blocks", here: await drops.keep(call.cids) };
    }
    if (call.kind === "drop-blocks") {
      return { kind: "blocks", here: await drops.drop(call.cids, call.keepers) };
    }
    if (call.kind !== "have-blocks" && call.kind !== "rebuild-blocks") {
      throw new Error(`nobody answers ${call.kind} here`);
    }
    if (call.kind === "rebuild-blocks") {
      for (const cid of call.cids) disk.set(cid, await this.#made(call, cid));
    }
    return { kind: "blocks", here: call.cids.map((cid) => disk.has(cid)) };
  }

  #made(call: Extract<Call, { kind: "rebuild-blocks" }>, cid: Cid): Promise<Uint8Array> {
    const found = (wanted: Cid): Uint8Array | undefined =>
      call.from
        .filter((node) => !this.down.has(node))
        .map((node) => this.disk(node).get(wanted))
        .find((bytes) => bytes !== undefined);
    const there = found(cid);
    if (there !== undefined) return Promise.resolve(there);
    const { signal } = new AbortController();
    const read = (block: { readonly cid: Cid }): Promise<Uint8Array> => {
      const bytes = found(block.cid);
      return bytes === undefined ? Promise.reject(blockMissing(block.cid)) : Promise.resolve(bytes);
    };
    return rebuildBlock(call.stripe, cid, { read, signal });
  }

  /** Puts blocks at the first node, coded. */
  async put(
    contents: readonly (number | Uint8Array)[],
    erasure = { data: 2, parity: 1 },
  ): Promise<Put> {
    const self = "n1";
    const chunks = contents.map((content): SealedChunk => {
      const data = typeof content === "number" ? randomBytes(content) : content;
      const cid = cidOf(data);
      this.disk(self).set(cid, data);
      return { cid, bytes: data.length };
    });
    const { rows } = this.tree;
    const reader = new TreeReader({
      read: (_group, { keys }) =>
        Promise.resolve({
          ...{ kind: "rows", scanned: [], more: false, term: 1, appliedIndex: 1 },
          values: keys.map((key) => rows.get(key)),
        }),
    });
    const writer = new StripeWriter(
      {
        ...{ self, reader, sleep: () => Promise.resolve() },
        caller: { ask: (to, call) => this.ask(self, to, call) },
        others: () =>
          [...this.disks.keys()].filter((node) => node !== self && !this.down.has(node)),
        coded: { code: (stripes) => Promise.resolve(stripes.map((one) => this.#code(self, one))) },
      },
      {
        ...{ erasure, copies: erasure.parity + 1, signal: new AbortController().signal },
        call: { group: 7, deadlineMs: 1000 },
      },
    );
    const told: CodedChunks[] = [];
    for (const chunk of chunks) told.push(await writer.add([chunk]));
    told.push(await writer.finish());
    expect(told.flatMap((one) => one.chunks)).toEqual(chunks);
    const stripes = told.flatMap((one) => one.stripes);
    return { writer, chunks, stripes, copies: Math.min(...told.map((one) => one.copies)) };
  }

  #code(node: NodeId, of: { readonly data: readonly Cid[]; readonly parity: number }): Cid[] {
    const data = of.data.map((cid) => this.disk(node).get(cid) ?? new Uint8Array(0));
    return parityOf(data, of.parity).map((bytes) => {
      this.disk(node).set(cidOf(bytes), bytes);
      return cidOf(bytes);
    });
  }

  deps() {
    return {
      caller: { ask: (to: NodeId, call: Call) => this.ask("n1", to, call) },
      members: () =>
        [...this.disks.keys()].map((node) => ({ node, isUp: !this.down.has(node), stays: true })),
      pace: () => Promise.resolve(),
    };
  }

  /** Nodes that are up and have a block. */
  holders(cid: Cid): readonly NodeId[] {
    return [...this.disks].flatMap(([node, disk]) =>
      disk.has(cid) && !this.down.has(node) ? [node] : [],
    );
  }
}

interface Put {
  readonly writer: StripeWriter;
  readonly chunks: readonly SealedChunk[];
  readonly stripes: readonly Stripe[];
  readonly copies: number;
}

const rowOf = (stripe: Stripe): StripeRow => ({ kind: "fs-stripe", ...stripe, named: 1 });

/** Each block on exactly one node, and all of a stripe on different ones. */
function expectSpread(nodes: Nodes, stripes: readonly Stripe[]): void {
  for (const stripe of stripes) {
    const holders = membersOf(stripe).map((cid) => nodes.holders(cid));
    expect(holders.map(({ length }) => length)).toEqual(holders.map(() => 1));
    expect(new Set(holders.flat()).size).toBe(holders.length);
  }
}

test("blocks are coded as they come, the last stripe may be smaller, and a single one has copies", async () => {
  const nodes = new Nodes(5);
  const { stripes, chunks, copies, writer } = await nodes.put([100, 200, 300, 400, 50, 60, 70]);
  expect(stripes.map(({ data }) => data.map(({ bytes }) => bytes))).toEqual([
    [100, 200],
    [300, 400],
    [50, 60],
  ]);
  expect(copies).toBe(2);
  await writer.tidy();
  expectSpread(nodes, stripes);
  expect(nodes.holders(chunks[6]?.cid ?? "")).toHaveLength(2);
});

test("with fewer nodes than a stripe has blocks the answer says how many may be lost", async () => {
  const alone = await new Nodes(1).put([10, 20]);
  expect(alone.copies).toBe(1);
  const three = await new Nodes(3).put([10, 20, 30, 40], { data: 4, parity: 2 });
  expect(three.copies).toBe(2);
});

test("a node with a full disk is left out, and one that does not answer in the end", async () => {
  const nodes = new Nodes(5);
  nodes.full.add("n2");
  const { stripes, copies, writer } = await nodes.put([10, 20, 30, 40]);
  expect(copies).toBe(2);
  await writer.tidy();
  expect(nodes.disk("n2").size).toBe(0);
  expectSpread(nodes, stripes);
});

test("a block that comes again is in one stripe", async () => {
  const nodes = new Nodes(4);
  const [a, b, c] = [randomBytes(10), randomBytes(20), randomBytes(30)];
  const { stripes } = await nodes.put([a, a, b, a, c, b, 40]);
  const cids = stripes.flatMap(({ data }) => data.map(({ cid }) => cid));
  expect(new Set(cids).size).toBe(4);
  expect(cids).toHaveLength(4);
});

test("what lost nodes had is made again elsewhere, and what they bring back is given up", async () => {
  const nodes = new Nodes(6);
  const { stripes, writer } = await nodes.put([10, 20, 30, 40, 50, 60], { data: 4, parity: 2 });
  await writer.tidy();
  const rows = stripes.map(rowOf);
  const { signal } = new AbortController();
  nodes.down.add("n2").add("n5");
  const healed = await healStripes(rows, nodes.deps(), signal);
  expect(healed).toMatchObject({ short: 0, missing: 0, lost: 0 });
  for (const stripe of stripes) {
    for (const { cid } of stripeBlocks(stripe)) {
      const [node] = nodes.holders(cid);
      expect(cidOf(nodes.disk(node ?? "").get(cid) ?? new Uint8Array(0))).toBe(cid);
    }
  }
  nodes.down.clear();
  await healStripes(rows, nodes.deps(), signal);
  expectSpread(nodes, stripes);
});

test("a stripe that lost more than its parity is missing while nodes are away, and lost when all are there", async () => {
  const nodes = new Nodes(3);
  const { stripes, writer } = await nodes.put([10, 20]);
  await writer.tidy();
  const rows = stripes.map(rowOf);
  nodes.down.add("n2").add("n3");
  const standing = async (): Promise<readonly string[]> => {
    const places = await placesOf(rows.flatMap(membersOf), nodes.deps());
    return rows.flatMap((row) => standingOfStripe(row, places).standings).toSorted();
  };
  expect(await standing()).toEqual(["missing", "missing", "whole"]);
  nodes.down.clear();
  nodes.disk("n2").clear();
  nodes.disk("n3").clear();
  expect(await standing()).toEqual(["lost", "lost", "whole"]);
});
