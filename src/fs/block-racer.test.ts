import { hash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { JobxError } from "../std/errors.ts";
import { rendezvousOrder } from "../std/rendezvous.ts";
import { BlockRacer } from "./block-racer.ts";
import { blockMissing } from "./errors.ts";
import { PEER_FORGOTTEN_MS } from "./peer-loads.ts";
import type { Wanted } from "./transfer.ts";

const BLOCK_BYTES = 100_000;
const HOLDERS = ["n1", "n2", "n3"];
const never = new AbortController().signal;

/** How a node answers: after so many ms, or never; with what it was asked for or something else. */
type Manner =
  | { readonly kind: "sends"; readonly ms: number }
  | { readonly kind: "garbles" | "lacks" | "breaks" | "hangs" };

/** Nodes that answer as they are told to, in a time of their own. */
class Nodes {
  readonly time = new FakeTimers();
  readonly manners = new Map<string, Manner>();
  readonly asked: string[] = [];
  readonly given = new Map<string, number>();
  open = 0;
  openMost = 0;
  readonly racer: BlockRacer;
  readonly #blocks = new Map<string, Buffer>();

  constructor(manners: Readonly<Record<string, Manner>>) {
    for (const [node, manner] of Object.entries(manners)) this.manners.set(node, manner);
    this.racer = new BlockRacer({
      fetch: (node, cid, signal) => this.#answer(node, cid, signal),
      machine: this.time,
    });
  }

  block(): Wanted {
    const bytes = randomBytes(BLOCK_BYTES);
    const cid = hash("sha256", bytes, "hex");
    this.#blocks.set(cid, bytes);
    return { cid, bytesMin: BLOCK_BYTES, bytesMax: BLOCK_BYTES };
  }

  /** With all of them where the block's places are. */
  get(
    wanted: Wanted,
    nodes: readonly string[],
    signal: AbortSignal,
  ): ReturnType<BlockRacer["get"]> {
    return this.racer.get(wanted, rendezvousOrder(wanted.cid, nodes), signal);
  }

  async *#answer(node: string, cid: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.asked.push(node);
    this.openMost = Math.max(this.openMost, ++this.open);
    try {
      const manner = this.manners.get(node) ?? { kind: "hangs" };
      if (manner.kind === "lacks") throw blockMissing(cid);
      if (manner.kind === "breaks") throw new JobxError({ code: "MESH_STREAM_BROKEN" }, "broke");
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => reject(new JobxError({ code: "GIVEN_UP" }, "")));
        if (manner.kind !== "hangs")
          this.time.after(manner.kind === "sends" ? manner.ms : 1, resolve);
      });
      this.given.set(node, (this.given.get(node) ?? 0) + 1);
      yield manner.kind === "garbles"
        ? randomBytes(BLOCK_BYTES)
        : (this.#blocks.get(cid) ?? Buffer.alloc(0));
    } finally {
      this.open--;
    }
  }
}

function sends(ms: number): Manner {
  return { kind: "sends", ms };
}

/** So many blocks, four of them under way at a time. */
async function readAll(nodes: Nodes, count: number): Promise<readonly string[]> {
  const left = Array.from({ length: count }, () => nodes.block()).values();
  const kinds: string[] = [];
  const lane = async (): Promise<void> => {
    for (const wanted of left) kinds.push((await nodes.get(wanted, HOLDERS, never)).kind);
  };
  const all = Promise.all([lane(), lane(), lane(), lane()]);
  for (let step = 0; step < 4 * count; step++) await nodes.time.advance(5);
  await all;
  return kinds;
}

test("blocks of one file come from all that have them, most from those that are quick", async () => {
  const nodes = new Nodes({ n1: sends(5), n2: sends(10), n3: sends(40) });
  const kinds = await readAll(nodes, 120);
  expect(new Set(kinds)).toEqual(new Set(["came"]));
  const given = HOLDERS.map((node) => nodes.given.get(node) ?? 0);
  expect(Math.min(...given)).toBeGreaterThan(0);
  const [quick = 0, , slow = 0] = given;
  expect(quick).toBeGreaterThan(2 * slow);
  expect(nodes.asked).toHaveLength(120);
});

test("what hangs at a node comes from another, which is asked first from then on until that is forgotten", async () => {
  const nodes = new Nodes({ n1: sends(5), n2: sends(5), n3: { kind: "hangs" } });
  const kinds = await readAll(nodes, 200);
  expect(kinds).toHaveLength(200);
  expect(new Set(kinds)).toEqual(new Set(["came"]));
  // Only those that were under way when it showed.
  const hung = nodes.asked.filter((node) => node === "n3").length;
  expect(hung).toBeGreaterThan(0);
  expect(hung).toBeLessThanOrEqual(4);
  expect(nodes.open).toBe(0);
  nodes.manners.set("n3", sends(5));
  await nodes.time.advance(PEER_FORGOTTEN_MS);
  await readAll(nodes, 60);
  expect(nodes.given.get("n3")).toBeGreaterThan(10);
});

test("who sends something else, or breaks, is passed over at once, and without waiting", async () => {
  const nodes = new Nodes({ n1: { kind: "garbles" }, n2: { kind: "breaks" }, n3: sends(1) });
  for (let at = 0; at < 20; at++) {
    const raced = nodes.get(nodes.block(), HOLDERS, never);
    await nodes.time.advance(3);
    expect(await raced).toMatchObject({ kind: "came" });
  }
});

test("a block that all lack is told apart from one that somebody could not send", async () => {
  const all = new Nodes({ n1: { kind: "lacks" }, n2: { kind: "lacks" }, n3: { kind: "lacks" } });
  const lacking = await all.get(all.block(), HOLDERS, never);
  expect(lacking).toMatchObject({ kind: "nobody", allLack: true });
  expect([...all.asked].sort()).toEqual(HOLDERS);
  const most = new Nodes({ n1: { kind: "lacks" }, n2: { kind: "breaks" }, n3: { kind: "lacks" } });
  const unsure = await most.get(most.block(), HOLDERS, never);
  expect(unsure).toMatchObject({ kind: "nobody", allLack: false });
  expect(await most.get(most.block(), [], never)).toMatchObject({ allLack: true });
});

test("of many that hang three are asked at most, and all are given up with the reader", async () => {
  const nodes = new Nodes({});
  const reader = new AbortController();
  const many = Array.from({ length: 9 }, (_, at) => `n${at}`);
  const raced = nodes.get(nodes.block(), many, reader.signal);
  await nodes.time.advance(60_000);
  expect([nodes.open, nodes.asked.length]).toEqual([3, 3]);
  const reason = new JobxError({ code: "READER_LEFT" }, "gone");
  reader.abort(reason);
  await expect(raced).rejects.toBe(reason);
  await nodes.time.advance(1);
  expect(nodes.open).toBe(0);
});
