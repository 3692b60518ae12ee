/** Packs as users of a block store see them. Crashes are in `crashes.test.ts`. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  bytesOrCode,
  packPaths,
  placeOf,
  putAll,
  smallBlocks,
  temporaryRoot,
} from "../../../test/lib/pack-kit.ts";
import { BlockStore, cidOf, PACKED_BLOCKS_MIN } from "../block-store.ts";
import { SMALL_PACKS_MAX } from "./compaction-plan.ts";
import { PACK_BYTES, PACKED_BLOCK_BYTES } from "./format.ts";

const root = temporaryRoot("packs");
afterAll(() => rmSync(root, { recursive: true }));
let directories = 0;

async function openStore(
  directory = join(root, `${directories++}`),
): Promise<{ readonly store: BlockStore; readonly directory: string }> {
  return { store: await BlockStore.open({ directory }), directory };
}

/** Changes a file in place. */
function change(path: string, edit: (bytes: Buffer) => Uint8Array): void {
  writeFileSync(path, edit(readFileSync(path)));
}

function plainFiles(directory: string): number {
  const all = readdirSync(join(directory, "blocks"), { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).length;
}

test("ten thousand small blocks of one batch are in a few packs, and all are read back", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(10_000, 1024);
  const cids = await putAll(store, blocks);
  expect(packPaths(directory)).toHaveLength(3);
  expect(plainFiles(directory)).toBe(0);
  for (const path of packPaths(directory)) {
    expect(statSync(path).size).toBeLessThan(1.1 * PACK_BYTES);
  }
  const reopened = (await openStore(directory)).store;
  for (const [index, cid] of cids.entries()) expect(await reopened.get(cid)).toEqual(blocks[index]);
  expect(await reopened.list("", 20_000)).toEqual([...cids].sort());
  const { packed } = await reopened.stats();
  expect(packed).toMatchObject({ packs: 3, blocks: 10_000, liveBytes: 10_240_000 });
  // Again: nothing is written twice.
  await putAll(reopened, blocks);
  expect(packPaths(directory)).toHaveLength(3);
});

test("large blocks, and few small ones, have files of their own", async () => {
  const { store, directory } = await openStore();
  await putAll(store, smallBlocks(PACKED_BLOCKS_MIN - 1));
  await putAll(store, smallBlocks(PACKED_BLOCKS_MIN, PACKED_BLOCK_BYTES));
  expect(packPaths(directory)).toEqual([]);
  expect(plainFiles(directory)).toBe(2 * PACKED_BLOCKS_MIN - 1);
  await putAll(store, smallBlocks(PACKED_BLOCKS_MIN, PACKED_BLOCK_BYTES - 1));
  expect(packPaths(directory)).toHaveLength(1);
  expect((await store.stats()).plain).toEqual({
    blocks: 2 * PACKED_BLOCKS_MIN - 1,
    bytes: (PACKED_BLOCKS_MIN - 1) * 200 + PACKED_BLOCKS_MIN * PACKED_BLOCK_BYTES,
  });
});

test("what many callers store at the same time shares packs", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(200);
  await Promise.all(blocks.map((block) => store.put(block)));
  expect(packPaths(directory)).toHaveLength(1);
  for (const block of blocks) expect(await store.get(cidOf(block))).toEqual(block);
});

test("a list goes through files and packs in one order, in pages", async () => {
  const { store } = await openStore();
  const cids = [...(await putAll(store, smallBlocks(300)))];
  for (const block of smallBlocks(5, 300)) cids.push(await store.put(block));
  const listed: string[] = [];
  for (;;) {
    const page = await store.list(listed.at(-1) ?? "", 7);
    if (page.length === 0) break;
    listed.push(...page);
  }
  expect(listed).toEqual(cids.sort());
});

test("a deleted block is gone, also after a restart, and may be stored again", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(20);
  const [first = "", ...others] = await putAll(store, blocks);
  expect(await store.delete(first)).toBe(true);
  expect(await store.delete(first)).toBe(false);
  const { store: reopened } = await openStore(directory);
  expect(await reopened.has(first)).toBe(false);
  expect(await bytesOrCode(reopened, first)).toBe("FS_BLOCK_MISSING");
  expect(await reopened.list("", 100)).toEqual([...others].sort());
  await putAll(reopened, blocks);
  expect(await reopened.get(first)).toEqual(blocks[0]);
});

test("a pack of which half is deleted is written again, and the space is given back", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(100, 10_000);
  const cids = await putAll(store, blocks);
  const [before = ""] = packPaths(directory);
  for (const cid of cids.slice(0, 60)) await store.delete(cid);
  const [after = "", ...more] = packPaths(directory);
  expect(more).toEqual([]);
  expect(after).not.toBe(before);
  expect(statSync(after).size).toBeLessThan(51 * 10_100);
  for (const [index, cid] of cids.entries()) {
    expect(await bytesOrCode(store, cid)).toEqual(index < 60 ? "FS_BLOCK_MISSING" : blocks[index]);
  }
  expect((await store.stats()).packed).toMatchObject({ compacted: 1, blocks: 40 });
  for (const cid of cids.slice(60)) await store.delete(cid);
  expect(packPaths(directory)).toEqual([]);
});

test("readers go on while packs are compacted under them", async () => {
  const { store } = await openStore();
  const blocks = smallBlocks(2_000, 3_000);
  const cids = await putAll(store, blocks);
  const keep = cids.flatMap((cid, index) => (index % 4 === 0 ? [{ cid, index }] : []));
  let isOver = false;
  const reading = Array.from({ length: 4 }, async () => {
    let rounds = 0;
    do {
      for (const { cid, index } of keep) expect(await store.get(cid)).toEqual(blocks[index]);
      rounds++;
    } while (!isOver);
    return rounds;
  });
  for (const [index, cid] of cids.entries()) if (index % 4 !== 0) await store.delete(cid);
  isOver = true;
  for (const rounds of await Promise.all(reading)) expect(rounds).toBeGreaterThan(0);
  const { packed } = await store.stats();
  expect(packed).toMatchObject({ blocks: keep.length, failed: 0 });
  expect(packed.compacted).toBeGreaterThan(0);
});

test("many small packs are put together", async () => {
  const { store, directory } = await openStore();
  const all: Uint8Array[] = [];
  for (let pack = 0; pack <= SMALL_PACKS_MAX; pack++) {
    const blocks = smallBlocks(PACKED_BLOCKS_MIN, 100, pack * 1000);
    all.push(...blocks);
    await putAll(store, blocks);
  }
  await store.settled();
  expect(packPaths(directory)).toHaveLength(1);
  for (const block of all) expect(await store.get(cidOf(block))).toEqual(block);
});

test("damaged records are set aside one by one, and the good blocks may be stored again", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(1_000, 2_000);
  const cids = await putAll(store, blocks);
  // One in a hundred, in the block or in the header before it.
  const spoilt = new Set(Array.from({ length: 10 }, (_, index) => index * 97));
  for (const index of spoilt) {
    const place = placeOf(directory, blocks[index] ?? new Uint8Array(0));
    if (place === undefined) throw new Error("not in a pack");
    change(place.path, (bytes) => {
      const at = place.at + (index % 2 === 0 ? 1_000 : -1);
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      return bytes;
    });
  }
  const inHeader = (index: number): boolean => index % 2 === 1;
  for (const [index, cid] of cids.entries()) {
    const damaged = spoilt.has(index) && !inHeader(index);
    expect(await bytesOrCode(store, cid)).toEqual(damaged ? "FS_BLOCK_DAMAGED" : blocks[index]);
    expect(await store.has(cid)).toBe(!damaged);
  }
  expect((await store.stats()).damagedBlocks).toBe(5);
  expect(readdirSync(join(directory, "damaged"))).toHaveLength(5);
  // A restart does not serve them, and putting all again stores those that are missing.
  const { store: reopened } = await openStore(directory);
  expect(await reopened.list("", 2_000)).toHaveLength(995);
  await putAll(reopened, blocks);
  for (const [index, cid] of cids.entries()) expect(await reopened.get(cid)).toEqual(blocks[index]);
});

test("many blocks are read together, but for those that are damaged, deleted or not in packs", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(3_000, 1024);
  const cids = await putAll(store, blocks);
  const large = await store.put(Buffer.alloc(PACKED_BLOCK_BYTES, 1));
  const [damaged = "", deleted = "", unseen = ""] = cids;
  await store.delete(deleted);
  const place = placeOf(directory, blocks[0] ?? new Uint8Array(0));
  if (place === undefined) throw new Error("not in a pack");
  change(place.path, (bytes) => bytes.fill(0xab, place.at + 40, place.at + 60));
  // By another instance: this one sees the mark when it reads.
  await (await openStore(directory)).store.delete(unseen);
  const found = await store.getPacked([...cids, large, "00".repeat(32), "no id"]);
  expect(found.size).toBe(cids.length - 3);
  for (const [index, cid] of cids.entries()) {
    if (index > 2)
      expect(Buffer.from(found.get(cid) ?? [])).toEqual(Buffer.from(blocks[index] ?? []));
  }
  expect(await bytesOrCode(store, damaged)).toBe("FS_BLOCK_DAMAGED");
  // A pack that is gone is no error either.
  for (const gone of packPaths(directory)) rmSync(gone);
  expect((await store.getPacked(cids)).size).toBe(0);
});

test("storing blocks replaces those whose records are damaged", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(20);
  const cids = await putAll(store, blocks);
  for (const path of packPaths(directory)) change(path, (bytes) => bytes.fill(7, 0, 2_000));
  await putAll(store, blocks);
  for (const [index, cid] of cids.entries()) expect(await store.get(cid)).toEqual(blocks[index]);
});

test("a block that is damaged in its pack is read from its file, if it has one as well", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(20);
  const [cid = ""] = await putAll(store, blocks);
  const file = join(directory, "blocks", cid.slice(0, 2), cid);
  writeFileSync(file, blocks[0] ?? "");
  for (const path of packPaths(directory)) change(path, (bytes) => bytes.fill(7, 0, 2_000));
  expect(await store.get(cid)).toEqual(blocks[0]);
  expect((await store.stats()).damagedBlocks).toBe(1);
  expect(await store.list(cid.slice(0, 63), 1)).toEqual([cid]);
  expect(await store.delete(cid)).toBe(true);
  expect(await store.has(cid)).toBe(false);
});

test("an index that is damaged or cut off is made again from the records, and the pack written anew", async () => {
  const blocks = smallBlocks(50, 500);
  const spoil: readonly ((bytes: Buffer) => Uint8Array)[] = [
    (bytes) => bytes.fill(1, bytes.length - 3),
    (bytes) => bytes.fill(1, bytes.length - 200, bytes.length - 190),
    (bytes) => bytes.subarray(0, bytes.length - 30),
    (bytes) => bytes.fill(0, bytes.length - 2_000),
    (bytes) => Buffer.concat([bytes, Buffer.alloc(100)]),
  ];
  for (const edit of spoil) {
    const { store, directory } = await openStore();
    const [deleted = "", ...cids] = await putAll(store, blocks);
    await store.delete(deleted);
    const [path = ""] = packPaths(directory);
    change(path, edit);
    const { store: reopened } = await openStore(directory);
    expect((await reopened.stats()).packed).toMatchObject({ scanned: 1, blocks: 49 });
    for (const [at, cid] of cids.entries()) expect(await reopened.get(cid)).toEqual(blocks[at + 1]);
    expect(await reopened.has(deleted)).toBe(false);
    await reopened.delete(cids[0] ?? "");
    expect(packPaths(directory)).not.toContain(path);
    const { store: last } = await openStore(directory);
    expect((await last.stats()).packed).toMatchObject({ scanned: 0, blocks: 48 });
  }
});

test("of a pack that was cut anywhere, exactly the blocks before the cut are there", async () => {
  const { store, directory } = await openStore();
  const blocks = smallBlocks(12, 300);
  const cids = await putAll(store, blocks);
  const [path = ""] = packPaths(directory);
  const whole = readFileSync(path);
  for (let cut = 0; cut < whole.length; cut += 61) {
    writeFileSync(path, whole.subarray(0, cut));
    const { store: reopened } = await openStore(directory);
    const before = Math.floor(Math.max(0, cut - 4) / 348);
    for (const [index, cid] of cids.entries()) {
      expect(await bytesOrCode(reopened, cid)).toEqual(
        index < before ? blocks[index] : "FS_BLOCK_MISSING",
      );
    }
  }
});

test("a pack of a newer program is left alone", async () => {
  const { store, directory } = await openStore();
  const cids = await putAll(store, smallBlocks(20));
  const [path = ""] = packPaths(directory);
  change(path, (bytes) => {
    bytes[3] = 2;
    return bytes.subarray(0, bytes.length - 1);
  });
  const { store: reopened } = await openStore(directory);
  expect(await reopened.has(cids[0] ?? "")).toBe(false);
  expect((await reopened.stats()).packed).toMatchObject({ packs: 0, unreadable: 1 });
  await putAll(reopened, smallBlocks(20));
  expect(packPaths(directory)).toContain(path);
});

test("what one instance writes, deletes and compacts, another one finds so", async () => {
  const { store, directory } = await openStore();
  const other = await BlockStore.open({ directory, instance: "other", isKeeper: false });
  const blocks = smallBlocks(40, 1_000);
  const cids = await putAll(store, blocks);
  for (const [index, cid] of cids.entries()) expect(await other.get(cid)).toEqual(blocks[index]);
  // A promise must not rest on what the other deleted.
  const [first = ""] = cids;
  await store.delete(first);
  await putAll(other, blocks.slice(0, PACKED_BLOCKS_MIN));
  expect(await store.get(first)).toEqual(blocks[0]);
  for (const cid of cids.slice(1, 30)) await store.delete(cid);
  for (const [index, cid] of cids.entries()) {
    const isKept = index === 0 || index >= 30;
    expect(await bytesOrCode(other, cid)).toEqual(isKept ? blocks[index] : "FS_BLOCK_MISSING");
  }
  expect(await other.list("", 100)).toEqual([first, ...cids.slice(30)].sort());
  expect(await other.delete(cids[39] ?? "")).toBe(true);
  expect(await bytesOrCode(store, cids[39] ?? "")).toBe("FS_BLOCK_MISSING");
});

test("a directory of plain files only opens as it is", async () => {
  const { directory } = await openStore();
  const block = smallBlocks(1)[0] ?? new Uint8Array(0);
  const cid = cidOf(block);
  rmSync(join(directory, "packs"), { recursive: true });
  writeFileSync(join(directory, "blocks", cid.slice(0, 2), cid), block);
  const { store } = await openStore(directory);
  expect(await store.get(cid)).toEqual(block);
  expect(await store.list("", 10)).toEqual([cid]);
});

test("a full disk is an error with a code; what was stored before stays, and room makes it go on", async (context) => {
  const directory = join(root, `${directories++}`);
  mkdirSync(directory);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=9m", "tmpfs", directory], { stdio: "pipe" });
  } catch (error) {
    return context.skip(`a small disk cannot be mounted here: ${String(error)}`);
  }
  try {
    const { store } = await openStore(directory);
    const first = smallBlocks(1_000, 3_000);
    const cids = await putAll(store, first);
    await expect(putAll(store, smallBlocks(5_000, 3_000, 5_000))).rejects.toMatchObject({
      code: "FS_DISK_FULL",
    });
    expect(readdirSync(store.temporaryDirectory)).toEqual([]);
    for (const [index, cid] of cids.entries()) expect(await store.get(cid)).toEqual(first[index]);
    // Filled to the last byte, so that nothing can be compacted: still whole packs are given back.
    expect(() => writeFileSync(join(directory, "filler"), new Uint8Array(9 << 20))).toThrow();
    for (const cid of cids.slice(0, 700)) expect(await store.delete(cid)).toBe(true);
    expect((await store.stats()).packed.failed).toBeGreaterThan(0);
    for (const cid of cids.slice(700)) await store.get(cid);
    for (const cid of await store.list("", 10_000)) await store.delete(cid);
    expect(packPaths(directory)).toEqual([]);
    rmSync(join(directory, "filler"));
    await putAll(store, first);
  } finally {
    execFileSync("umount", ["-l", directory]);
  }
});
