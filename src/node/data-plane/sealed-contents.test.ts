import { createSecretKey, hash, randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { DataPlaneKit } from "../../../test/lib/data-plane-kit.ts";
import type { StoredWindow } from "../../fs/file-blocks.ts";
import type { SealedChunk, SealKey } from "../../fs/seal.ts";

const MIB = 1024 * 1024;
const MARKER = "the secret of the pyramids";
const KEY = createSecretKey(Buffer.alloc(32, 1));
const OTHER_KEY = createSecretKey(Buffer.alloc(32, 2));
const NOBODY = { nodes: [], areAll: true };
const kits: DataPlaneKit[] = [];

afterEach(async () => {
  for (const kit of kits.splice(0)) await kit.close();
});

async function open(options: Parameters<typeof DataPlaneKit.open>[0] = {}): Promise<DataPlaneKit> {
  const kit = await DataPlaneKit.open({ sync: false, ...options });
  kits.push(kit);
  return kit;
}

/** Random but for the marker, which is everywhere. */
function marked(bytes: number): Buffer {
  const content = randomBytes(bytes);
  for (let at = 0; at + MARKER.length <= bytes; at += 4096) content.write(MARKER, at);
  return content;
}

async function* whole(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Uint8Array.from(content));
}

async function store(
  kit: DataPlaneKit,
  content: Uint8Array,
  key: SealKey | undefined,
): Promise<{ readonly chunks: readonly SealedChunk[]; readonly root: string | undefined }> {
  const windows: StoredWindow[] = [];
  const input = { bytes: whole(content), chunking: "fixed-1", sha256: true, key } as const;
  for await (const window of kit.plane.contents.store(input)) windows.push(window);
  expect(windows.at(-1)?.sha256).toBe(hash("sha256", content, "hex"));
  return { chunks: windows.flatMap(({ chunks }) => chunks), root: windows.at(-1)?.root };
}

async function read(
  kit: DataPlaneKit,
  chunks: readonly SealedChunk[],
  { key = KEY, holders = NOBODY }: { key?: SealKey; holders?: typeof NOBODY | Named } = {},
): Promise<Buffer> {
  const parts = chunks.map((chunk) => ({ ...chunk, from: 0, to: chunk.bytes }));
  const slices: Uint8Array[] = [];
  for await (const slice of kit.plane.contents.read(parts, { holders, key })) slices.push(slice);
  return Buffer.concat(slices);
}

interface Named {
  readonly nodes: readonly string[];
  readonly areAll: boolean;
}

/** Files below the node's directory in which the marker stands. */
async function withMarker({ directory }: DataPlaneKit): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  expect(paths.length).toBeGreaterThan(0);
  const texts = await Promise.all(paths.map((path) => readFile(path)));
  return paths.filter((_, at) => texts[at]?.includes(MARKER));
}

test("sealed content is read as it was, has the id of the same content, and stands nowhere on the disk", async () => {
  const kit = await open();
  const content = marked(9 * MIB + 5);
  const sealed = await store(kit, content, KEY);
  expect((await read(kit, sealed.chunks)).equals(content)).toBe(true);
  expect(await withMarker(kit)).toEqual([]);
  const plain = await store(await open(), content, undefined);
  expect(sealed.root).toBe(plain.root);
  expect(sealed.chunks.map(({ plain: cid }) => cid)).toEqual(plain.chunks.map(({ cid }) => cid));
});

test("the marker is found where content is not sealed", async () => {
  const kit = await open();
  await store(kit, marked(MIB), undefined);
  expect(await withMarker(kit)).not.toEqual([]);
});

test("small files are sealed too, each with the blocks that it has alone", async () => {
  const kit = await open();
  const files = [0, 1, 300, 5000, MIB].map(marked);
  const windows: StoredWindow[] = [];
  const how = { chunking: "fixed-1", key: KEY } as const;
  for await (const window of kit.plane.contents.storeFiles(files, how)) windows.push(window);
  expect(await withMarker(kit)).toEqual([]);
  for (const [at, content] of files.entries()) {
    const alone = await store(kit, content, KEY);
    expect(windows[at]).toMatchObject({ chunks: alone.chunks, root: alone.root });
    expect((await read(kit, alone.chunks)).equals(content)).toBe(true);
  }
});

test("equal content is one block under one key, and another under another", async () => {
  const kit = await open();
  const content = marked(MIB);
  const first = await store(kit, content, KEY);
  expect((await store(kit, content, KEY)).chunks).toEqual(first.chunks);
  const other = await store(kit, content, OTHER_KEY);
  expect(other.chunks[0]?.plain).toBe(first.chunks[0]?.plain);
  expect(other.chunks[0]?.cid).not.toBe(first.chunks[0]?.cid);
  await expect(read(kit, first.chunks, { key: OTHER_KEY })).rejects.toMatchObject({
    code: "FS_BLOCK_UNSEALED",
  });
});

test("a sealed block with one bit flipped is set aside, fetched from another node and repaired", async () => {
  const holder = await open();
  const content = marked(3 * MIB);
  const { chunks } = await store(holder, content, KEY);
  const other = await open({ fetchBlock: (_node, cid) => holder.plane.serveBlock(cid) });
  await store(other, content, KEY);
  const folder = join(other.directory, "blocks/blocks");
  const cid = chunks[1]?.cid ?? "none";
  const names = await readdir(folder, { recursive: true });
  const path = join(folder, names.find((name) => name.endsWith(cid)) ?? "none");
  const stored = await readFile(path);
  stored[1234] = (stored[1234] ?? 0) ^ 1;
  await writeFile(path, stored);
  const holders = { nodes: ["holder"], areAll: true };
  expect((await read(other, chunks, { holders })).equals(content)).toBe(true);
  expect(hash("sha256", await readFile(path), "hex")).toBe(cid);
  const aside = await readdir(other.directory, { recursive: true });
  expect(aside.filter((name) => name.includes("damaged") && name.includes(cid))).not.toEqual([]);
});
