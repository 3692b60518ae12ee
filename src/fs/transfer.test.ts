import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { BlockStore } from "./block-store.ts";
import type { BlockSource } from "./ports.ts";
import { FETCHES_AHEAD, fetchBlocks } from "./transfer.ts";

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
