import { hash, randomBytes } from "node:crypto";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { DataPlaneKit } from "../../../test/lib/data-plane-kit.ts";
import type { Chunk } from "../../fs/content/chunk.ts";
import { JobxError } from "../../std/errors.ts";

const MIB = 1024 * 1024;
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

async function* pieces(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) {
    yield content.subarray(at, at + size);
    await Promise.resolve();
  }
}

function fixed(bytes: AsyncIterable<Uint8Array>, sha256 = false) {
  return { bytes, chunking: "fixed-1", sha256, key: undefined } as const;
}

async function store(
  kit: DataPlaneKit,
  content: Uint8Array,
): Promise<{ readonly chunks: readonly Chunk[]; readonly roots: readonly unknown[] }> {
  const chunks: Chunk[] = [];
  const roots: unknown[] = [];
  for await (const window of kit.plane.contents.store(fixed(pieces(content, 70_000)))) {
    chunks.push(...window.chunks);
    roots.push(window.root);
  }
  return { chunks, roots };
}

async function read(
  kit: DataPlaneKit,
  chunks: readonly Chunk[],
  holders: { readonly nodes: readonly string[]; readonly areAll: boolean } = NOBODY,
): Promise<Buffer> {
  const parts = chunks.map((chunk) => ({ ...chunk, from: 0, to: chunk.bytes }));
  const slices: Uint8Array[] = [];
  for await (const slice of kit.plane.contents.read(parts, { holders, key: undefined }))
    slices.push(slice);
  return Buffer.concat(slices);
}

/** The plane of another node, as the mesh would ask it. */
function servedBy(kit: () => DataPlaneKit): Parameters<typeof DataPlaneKit.open>[0] {
  return { fetchBlock: (_node, cid) => kit().plane.serveBlock(cid) };
}

test("content is told in windows of durable chunks, the last one with its id, and is read as it was", async () => {
  const kit = await open();
  const content = randomBytes(17 * MIB + 5);
  const { chunks, roots } = await store(kit, content);
  expect(chunks.map(({ bytes }) => bytes)).toEqual([...Array.from({ length: 17 }, () => MIB), 5]);
  expect(chunks[3]?.cid).toBe(hash("sha256", content.subarray(3 * MIB, 4 * MIB), "hex"));
  expect(roots.slice(0, -1)).toEqual([undefined, undefined]);
  expect(roots.at(-1)).toMatch(/^bafy/u);
  expect(hash("sha256", await read(kit, chunks), "hex")).toBe(hash("sha256", content, "hex"));
});

test("parts of chunks are read as parts", async () => {
  const kit = await open();
  const content = randomBytes(2 * MIB);
  const [first, second] = (await store(kit, content)).chunks;
  if (first === undefined || second === undefined) throw new Error("two chunks");
  const parts = [
    { ...first, from: MIB - 3, to: MIB },
    { ...second, from: 0, to: 2 },
  ];
  const slices: Uint8Array[] = [];
  for await (const slice of kit.plane.contents.read(parts, { holders: NOBODY, key: undefined }))
    slices.push(slice);
  expect(Buffer.concat(slices)).toEqual(content.subarray(MIB - 3, MIB + 2));
});

test("pieces that are files become blocks as they are, and keep their names; a short one is refused", async () => {
  const kit = await open({ sync: true });
  const data = [randomBytes(MIB), randomBytes(300_000), randomBytes(40)];
  const files = await Promise.all(
    data.map(async (bytes, at) => {
      const path = join(kit.directory, `piece${at}`);
      await writeFile(path, bytes);
      return { path, bytes: bytes.length };
    }),
  );
  for (let time = 0; time < 2; time += 1) {
    const chunks: Chunk[] = [];
    for await (const window of kit.plane.contents.takeFiles(files)) chunks.push(...window.chunks);
    expect(chunks).toEqual(
      data.map((bytes) => ({ cid: hash("sha256", bytes, "hex"), bytes: bytes.length })),
    );
    expect((await read(kit, chunks)).equals(Buffer.concat(data))).toBe(true);
  }
  expect(
    (await Promise.all(files.map(({ path }) => stat(path)))).map(({ nlink }) => nlink),
  ).toEqual([2, 2, 1]);
  const short = files.map(({ path, bytes }) => ({ path, bytes: bytes + 1 }));
  const taking = kit.plane.contents.takeFiles(short).next();
  await expect(taking).rejects.toMatchObject({ code: "FS_IO" });
});

test("the hash of the whole is told with the id where it is asked for", async () => {
  const kit = await open();
  const content = randomBytes(9 * MIB);
  const told: unknown[] = [];
  const windows = kit.plane.contents.store(fixed(pieces(content, 300_000), true));
  for await (const { sha256 } of windows) told.push(sha256);
  expect(told).toEqual([undefined, hash("sha256", content, "hex")]);
});

test("empty content has an id and no chunks", async () => {
  const { chunks, roots } = await store(await open(), new Uint8Array(0));
  expect(chunks).toEqual([]);
  expect(roots).toEqual([expect.stringMatching(/^bafk/u)]);
});

test("a source that fails ends the windows with its error", async () => {
  const kit = await open();
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield randomBytes(100);
    await Promise.resolve();
    throw new JobxError({ code: "API_CALLER_GONE" }, "gone");
  }
  const windows = kit.plane.contents.store(fixed(failing()));
  await expect(windows.next()).rejects.toMatchObject({ code: "API_CALLER_GONE" });
});

test("a source is asked for no more than a few windows ahead of who takes them", async () => {
  const kit = await open();
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      given += MIB;
      yield new Uint8Array(MIB).fill(given / MIB);
      await Promise.resolve();
    }
  }
  const windows = kit.plane.contents.store(fixed(endless()));
  await windows.next();
  let before = -1;
  while (before !== given) {
    before = given;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(given).toBeLessThan(100 * MIB);
  await windows.return();
});

test("what is not here, or damaged here, comes from another node, and damage is repaired", async () => {
  const holder = await open();
  const content = randomBytes(6 * MIB);
  const { chunks } = await store(holder, content);
  const other = await open(servedBy(() => holder));
  const holders = { nodes: ["holder"], areAll: true };
  expect((await read(other, chunks, holders)).equals(content)).toBe(true);
  await store(other, content);
  const folder = join(other.directory, "blocks/blocks");
  const names = await readdir(folder, { recursive: true });
  const block = names.find((name) => name.endsWith(chunks[2]?.cid ?? "none"));
  await writeFile(join(folder, block ?? "none"), "damage");
  expect((await read(other, chunks, holders)).equals(content)).toBe(true);
  expect((await read(other, chunks)).equals(content)).toBe(true);
});

test("a block that every node lacks is lost, and one whose holder may be away is missing", async () => {
  const empty = await open();
  const kit = await open(servedBy(() => empty));
  const chunks = [{ cid: "ab".repeat(32), bytes: 10 }];
  const lost = { code: "FS_BLOCK_LOST" };
  await expect(read(kit, chunks, { nodes: ["a", "b"], areAll: true })).rejects.toMatchObject(lost);
  await expect(read(kit, chunks)).rejects.toMatchObject(lost);
  await expect(read(kit, chunks, { nodes: ["a"], areAll: false })).rejects.toMatchObject({
    code: "FS_BLOCK_MISSING",
  });
});

test("small files of one batch are told one by one, with the ids that they have alone", async () => {
  const kit = await open();
  const files = [0, 1, 300, 5000, MIB].map((bytes) => randomBytes(bytes));
  const windows = [];
  for await (const window of kit.plane.contents.storeFiles(files, {
    chunking: "fixed-1",
    key: undefined,
  }))
    windows.push(window);
  expect(windows).toHaveLength(files.length);
  for (const [at, content] of files.entries()) {
    const alone = await store(kit, content);
    expect(windows[at]).toMatchObject({ chunks: alone.chunks, root: alone.roots.at(-1) });
    expect(await read(kit, alone.chunks)).toEqual(content);
  }
});

test("small blocks that were stored together are read together, in their order and as parts", async () => {
  const kit = await open();
  const files = Array.from({ length: 700 }, (_, at) => randomBytes(1 + at * 7));
  const chunks = [];
  const how = { chunking: "fixed-1", key: undefined } as const;
  for await (const window of kit.plane.contents.storeFiles(files, how))
    chunks.push(...window.chunks);
  const [first, second] = chunks;
  if (first === undefined || second === undefined) throw new Error("two chunks at least");
  // All come twice, one of them three times.
  const wanted = [...chunks, second, ...chunks.toReversed()];
  const whole = Buffer.concat([...files, ...files.slice(1, 2), ...files.toReversed()]);
  expect(await read(kit, wanted)).toEqual(whole);
  const parts = chunks.map((chunk) => ({ ...chunk, from: 0, to: 1 }));
  const firsts = [];
  for await (const slice of kit.plane.contents.read(parts, { holders: NOBODY, key: undefined })) {
    firsts.push(slice);
  }
  expect(Buffer.concat(firsts)).toEqual(Buffer.from(files.map(([byte = 0]) => byte)));
  // Few messages for many blocks.
  expect(firsts.length).toBeLessThan(10);
});
