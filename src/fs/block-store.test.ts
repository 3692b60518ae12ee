import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pairOf } from "../../test/conformance/pair-io-suite.ts";
import { BlockStore, cidOf, clearTemporary, isCid } from "./block-store.ts";
import { DAMAGED_FILES_MAX } from "./damaged-folder.ts";
import { PACKED_BLOCK_BYTES } from "./packs/format.ts";
import { StoredPairIo } from "./pair-io.ts";

const root = await mkdtemp(join(tmpdir(), "jobx-blocks-"));
afterAll(() => rm(root, { recursive: true }));
let directories = 0;

function freshDirectory(): string {
  return join(root, `${directories++}`);
}

async function openStore(directory: string = freshDirectory()): Promise<{
  readonly store: BlockStore;
  readonly directory: string;
  readonly pathOf: (cid: string) => string;
}> {
  const store = await BlockStore.open({ directory });
  return {
    store,
    directory,
    pathOf: (cid) => join(directory, "blocks", cid.slice(0, 2), cid),
  };
}

const content = new TextEncoder().encode("content");
/** From another program. */
const CONTENT_CID = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";

test("a block is found again under its sha256, in a file of its own", async () => {
  const { store, directory, pathOf } = await openStore();
  expect(await store.has(CONTENT_CID)).toBe(false);
  expect(await store.put(content)).toBe(CONTENT_CID);
  expect(await store.has(CONTENT_CID)).toBe(true);
  expect(await store.get(CONTENT_CID)).toEqual(content);
  expect(await readFile(pathOf(CONTENT_CID), "utf8")).toBe("content");
  const reopened = await openStore(directory);
  expect(await reopened.store.get(CONTENT_CID)).toEqual(content);
});

test("a block may be empty", async () => {
  const { store } = await openStore();
  const cid = await store.put(new Uint8Array(0));
  expect(await store.get(cid)).toEqual(new Uint8Array(0));
});

test("storing a block again changes nothing and leaves nothing behind", async () => {
  const { store } = await openStore();
  await Promise.all([store.put(content), store.put(content)]);
  expect(await store.put(content)).toBe(CONTENT_CID);
  expect(await store.get(CONTENT_CID)).toEqual(content);
  expect(await readdir(store.temporaryDirectory)).toEqual([]);
});

test("what is not here is missing, and so is what is no content id", async () => {
  const { store } = await openStore();
  for (const cid of [CONTENT_CID, "", "../../etc/passwd", CONTENT_CID.toUpperCase()]) {
    expect(await store.has(cid)).toBe(false);
    expect(await store.delete(cid)).toBe(false);
    await expect(store.get(cid)).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
  }
  expect(isCid(CONTENT_CID)).toBe(true);
});

test("a deleted block is gone", async () => {
  const { store } = await openStore();
  await store.put(content);
  expect(await store.delete(CONTENT_CID)).toBe(true);
  expect(await store.has(CONTENT_CID)).toBe(false);
  expect(await store.delete(CONTENT_CID)).toBe(false);
});

test("a damaged block is reported once, set aside, and may be stored again", async () => {
  const { store, directory, pathOf } = await openStore();
  const damage = [
    (path: string) => writeFile(path, "CONTENT"),
    (path: string) => writeFile(path, "content and more"),
    (path: string) => truncate(path, 3),
    (path: string) => truncate(path, 0),
    // Longer than any block: refused before it is read.
    (path: string) => truncate(path, 2 ** 40),
  ];
  for (const spoil of damage) {
    await store.put(content);
    await spoil(pathOf(CONTENT_CID));
    await expect(store.get(CONTENT_CID)).rejects.toMatchObject({ code: "FS_BLOCK_DAMAGED" });
    await expect(store.get(CONTENT_CID)).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
    expect(await store.has(CONTENT_CID)).toBe(false);
    expect(await readdir(join(directory, "damaged"))).toEqual([CONTENT_CID]);
  }
  await store.put(content);
  expect(await store.get(CONTENT_CID)).toEqual(content);
});

test("storing a block replaces its damaged file", async () => {
  const { store, pathOf } = await openStore();
  await store.put(content);
  await writeFile(pathOf(CONTENT_CID), "CONTENT");
  await store.put(content);
  expect(await store.get(CONTENT_CID)).toEqual(content);
});

test("damaged files are kept up to a bound", async () => {
  const { store, directory, pathOf } = await openStore();
  for (let index = 0; index <= DAMAGED_FILES_MAX; index++) {
    const cid = cidOf(Uint8Array.of(index));
    await writeFile(pathOf(cid), "damaged");
    await expect(store.get(cid)).rejects.toMatchObject({ code: "FS_BLOCK_DAMAGED" });
    expect(await store.has(cid)).toBe(false);
  }
  expect(await readdir(join(directory, "damaged"))).toHaveLength(DAMAGED_FILES_MAX);
});

test("a batch stores all its blocks", async () => {
  const { store, pathOf } = await openStore();
  const batch = store.batch();
  const blocks = Array.from({ length: 40 }, (_, index) =>
    new Uint8Array(PACKED_BLOCK_BYTES).fill(index),
  );
  const cids: string[] = [];
  for (const block of blocks) cids.push(await batch.put(block));
  await batch.commit();
  for (const [index, cid] of cids.entries()) expect(await store.get(cid)).toEqual(blocks[index]);
  const later = store.batch();
  expect(await later.keep(cids[0] ?? "")).toBe(true);
  expect(await later.keep(CONTENT_CID)).toBe(false);
  // A promise that it is durable must not rest on a damaged file.
  await writeFile(pathOf(cids[1] ?? ""), "damaged");
  expect(await later.keep(cids[1] ?? "")).toBe(false);
  await later.commit();
});

test("opening removes its own temporary files only, clearing all of them", async () => {
  const directory = freshDirectory();
  const mine = await BlockStore.open({ directory, instance: "a" });
  const other = await BlockStore.open({ directory, instance: "b" });
  await writeFile(mine.temporaryPath(), "left over");
  await writeFile(other.temporaryPath(), "in use");
  await BlockStore.open({ directory, instance: "a" });
  expect(await readdir(mine.temporaryDirectory)).toEqual([]);
  expect(await readdir(other.temporaryDirectory)).toHaveLength(1);
  await clearTemporary(directory);
  expect(await readdir(directory)).not.toContain("tmp");
});

test("a disk that refuses is an error with a code, and nothing temporary is left", async () => {
  const { store, pathOf } = await openStore();
  // A directory stands where the block's file should be.
  await mkdir(pathOf(CONTENT_CID));
  await expect(store.put(content)).rejects.toMatchObject({ code: "FS_IO" });
  await expect(store.get(CONTENT_CID)).rejects.toMatchObject({ code: "FS_IO" });
  expect(await readdir(store.temporaryDirectory)).toEqual([]);
  const batch = store.batch();
  await batch.put(content);
  await expect(batch.commit()).rejects.toMatchObject({ code: "FS_IO" });
});

/** A file system of so many bytes, or undefined where mounting is not permitted. */
function mountTiny(directory: string, bytes: number): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory], {
      stdio: "pipe",
    });
    return true;
  } catch (error) {
    console.warn(`full disk not tested: a tmpfs cannot be mounted here (${String(error)})`);
    return false;
  }
}

test("a full disk is an error with a code, and gives back what was begun", async (context) => {
  const directory = freshDirectory();
  await mkdir(directory);
  if (!mountTiny(directory, 4 * 1024 * 1024))
    return context.skip("a small disk cannot be mounted here");
  try {
    const { store } = await openStore(directory);
    const fill = async (): Promise<void> => {
      for (let index = 0; index < 8; index++) await store.put(new Uint8Array(1e6).fill(index));
    };
    await expect(fill()).rejects.toMatchObject({ code: "FS_DISK_FULL" });
    expect(await readdir(store.temporaryDirectory)).toEqual([]);

    const io = new StoredPairIo({ store, self: "node-a", sortMemoryBytes: 100_000 });
    for (const sink of [io.sorted({ parts: 2 }), io.yielded()]) {
      const write = async (): Promise<unknown> => {
        for (let key = 0; key < 100; key++) await sink.add([pairOf(key, "v".repeat(50_000))]);
        return sink.finish();
      };
      await expect(write()).rejects.toMatchObject({ code: "FS_DISK_FULL" });
      await sink.discard();
      expect(await readdir(store.temporaryDirectory)).toEqual([]);
    }
  } finally {
    execFileSync("umount", ["-l", directory]);
  }
});

test("condemned blocks go, in packs and files, and those that somebody has wanted since stay", async () => {
  const { store } = await openStore();
  const batch = store.batch();
  const packed = await Promise.all(
    Array.from({ length: 20 }, (_, at) => batch.put(new TextEncoder().encode(`small ${at}`))),
  );
  await batch.commit();
  const [read = "", found = "", stored = "", ...others] = packed;
  const all = [...packed, await store.put(new Uint8Array(PACKED_BLOCK_BYTES + 1))];
  expect(store.condemn(all)).toEqual(all.map(() => true));
  expect(await store.facts(others[0] ?? "")).toEqual({ bytes: 7, isRun: false });
  await store.get(read);
  await store.has(found);
  await store.put(new TextEncoder().encode("small 2"));
  const wanted = new Set([read, found, stored]);
  expect(await store.deleteMany(all)).toEqual(all.map((cid) => !wanted.has(cid)));
  expect(await store.deleteMany(all)).toEqual(all.map(() => false));
  expect(new Set(await store.list("", 100))).toEqual(wanted);
  await store.settled();
  expect((await store.stats()).plain.blocks).toBe(0);
});
