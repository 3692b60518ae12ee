import { hash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { JobxError } from "../std/errors.ts";
import { BlockStore } from "./block-store.ts";
import type { BlockSource } from "./ports.ts";
import {
  FETCHES_AHEAD,
  fetchBlocks,
  fetchWhatComes,
  storeBlocks,
  type Wanted,
} from "./transfer.ts";

const root = await mkdtemp(join(tmpdir(), "jobx-transfer-"));
afterAll(() => rm(root, { recursive: true }));

test("blocks are on their way together, and no more of them than are allowed", async () => {
  const from = await BlockStore.open({ directory: join(root, "from") });
  const to = await BlockStore.open({ directory: join(root, "to") });
  const { signal } = new AbortController();
  const cids = await Promise.all(
    Array.from({ length: 3 * FETCHES_AHEAD }, (_, at) => from.put(Buffer.alloc(1000, at))),
  );
  let under = 0;
  let most = 0;
  const source: BlockSource = {
    async get(cid) {
      most = Math.max(most, ++under);
      const bytes = await from.get(cid);
      under--;
      return bytes;
    },
  };
  await fetchBlocks([...cids, ...cids], { store: to, source, signal });
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(FETCHES_AHEAD);
  for (const cid of cids) expect(await to.get(cid)).toEqual(await from.get(cid));
});

test("what was interrupted goes on with the blocks that it lacks, and asks for none of the others again", async () => {
  const from = await BlockStore.open({ directory: join(root, "whole") });
  const to = await BlockStore.open({ directory: join(root, "half") });
  const cids: string[] = [];
  for (let at = 0; at < 40; at++) cids.push(await from.put(Buffer.alloc(80_000, at)));
  const asked: string[] = [];
  const broken = new JobxError({ code: "MESH_STREAM_BROKEN" }, "broke");
  const receive = (breaksAfter: number) => async (wanted: Wanted) => {
    if (asked.length >= breaksAfter) throw broken;
    asked.push(wanted.cid);
    return from.get(wanted.cid);
  };
  await expect(fetchWhatComes(cids, { store: to, receive: receive(17) })).rejects.toBe(broken);
  expect(asked).toHaveLength(17);
  await fetchWhatComes(cids, { store: to, receive: receive(Number.POSITIVE_INFINITY) });
  expect([...asked].sort()).toEqual([...cids].sort());
  for (const cid of cids) expect(await to.get(cid)).toEqual(await from.get(cid));
});

test("a block that nobody has is left out, and the others come", async () => {
  const from = await BlockStore.open({ directory: join(root, "lacking") });
  const to = await BlockStore.open({ directory: join(root, "most") });
  const cids: string[] = [];
  for (let at = 0; at < 20; at++) cids.push(await from.put(Buffer.alloc(300, at)));
  const [lost = ""] = cids;
  const receive = ({ cid }: Wanted) => (cid === lost ? Promise.resolve(undefined) : from.get(cid));
  await fetchWhatComes(cids, { store: to, receive });
  const here = await Promise.all(cids.map((cid) => to.has(cid)));
  expect(here.filter((is) => !is)).toHaveLength(1);
  expect(here[0]).toBe(false);
});

test("blocks that come whole are stored under their own hashes, also those that are here", async () => {
  const store = await BlockStore.open({ directory: join(root, "pushed") });
  const blocks = [Buffer.from("a"), Buffer.alloc(60_000, 1), Buffer.from("a")];
  await store.put(Buffer.alloc(60_000, 1));
  await storeBlocks(store, blocks);
  for (const bytes of blocks) {
    const cid = hash("sha256", bytes, "hex");
    expect(Buffer.from(await store.get(cid)).equals(bytes)).toBe(true);
  }
});
