import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { AT_ONCE, FakeTimers } from "../../../test/lib/fake-timers.ts";
import { BlockRacer } from "../../fs/block-racer.ts";
import { BlockStore } from "../../fs/block-store.ts";
import { readBlockSlices } from "../../fs/transfer.ts";
import { BlockVerifier } from "./block-verifier.ts";
import { type FetchBlock, RunFetcher } from "./run-fetcher.ts";

const root = await mkdtemp(join(tmpdir(), "jobx-verify-"));
afterAll(() => rm(root, { recursive: true }));

const time = new FakeTimers();
const machine = {
  nowMs: () => time.nowMs(),
  after: (ms: number, run: () => void) => AT_ONCE.after(ms, run),
};
const { signal } = new AbortController();

test("flipped bits are found, the block is set aside, and it is fetched again from whoever has it", async () => {
  const here = await BlockStore.open({ directory: join(root, "here") });
  const empty = await BlockStore.open({ directory: join(root, "empty") });
  const other = await BlockStore.open({ directory: join(root, "other") });
  const cids: string[] = [];
  for (let at = 0; at < 3; at++) {
    const bytes = Buffer.alloc(100_000, at);
    cids.push(await here.put(bytes));
    await other.put(bytes);
  }
  const [bad = ""] = cids;
  const path = join(root, "here", "blocks", bad.slice(0, 2), bad);
  const bytes = await readFile(path);
  bytes[5000] = (bytes[5000] ?? 0) ^ 1;
  await writeFile(path, bytes);
  const verifier = new BlockVerifier({ store: here, machine, signal });
  const absent = "f".repeat(64);
  expect(await verifier.verify([...cids, absent])).toEqual({
    ...{ blocks: 3, bytes: 200_000, damaged: [bad] },
  });
  expect(await here.has(bad)).toBe(false);
  const stores = new Map([
    ["empty", empty],
    ["other", other],
  ]);
  const fetchBlock: FetchBlock = (node, cid) => readBlockSlices(stores.get(node) ?? empty, { cid });
  const racer = new BlockRacer({ fetch: fetchBlock, machine: time });
  const fetcher = new RunFetcher({ store: here, self: "here", fetchBlock, racer });
  await fetcher.takeBlocks([bad, absent], { from: ["here", "empty", "other"], signal });
  expect(await verifier.verify(cids)).toMatchObject({ blocks: 3, damaged: [] });
  expect(await here.has(absent)).toBe(false);
});

test("blocks come from whichever of several nodes has each of them, however they are spread", async () => {
  const here = await BlockStore.open({ directory: join(root, "spread") });
  const left = await BlockStore.open({ directory: join(root, "left") });
  const right = await BlockStore.open({ directory: join(root, "right") });
  const cids: string[] = [];
  // The first of both are where they are asked for first, so that the rest moves up when these have come.
  for (let at = 0; at < 40; at++) {
    const store = (at < 3 ? at % 2 === 0 : at % 4 < 2) ? left : right;
    cids.push(await store.put(Buffer.alloc(100_000, at)));
  }
  const fetchBlock: FetchBlock = (node, cid) =>
    readBlockSlices(node === "left" ? left : right, { cid });
  const racer = new BlockRacer({ fetch: fetchBlock, machine: time });
  const fetcher = new RunFetcher({ store: here, self: "spread", fetchBlock, racer });
  await fetcher.takeBlocks(cids, { from: ["left", "right"], signal });
  const has = await Promise.all(cids.map((cid) => here.has(cid)));
  expect(has.filter((is) => is)).toHaveLength(cids.length);
});
