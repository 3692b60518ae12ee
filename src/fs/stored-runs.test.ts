import { type FileHandle, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import {
  collect,
  dumbSort,
  fill,
  only,
  pairOf,
  readAll,
  readAllGroups,
  shown,
  ungrouped,
} from "../../test/conformance/pair-io-suite.ts";
import { seededRandom } from "../std/random.ts";
import type { Dataset, RunPiece } from "../wire/dataset.ts";
import { encodePairs, RECORD_BYTES_MAX, RecordCursor } from "../wire/pairs.ts";
import { DataBlockBuilder, decodeManifest, encodeManifest } from "../wire/run.ts";
import { BlockCache, CACHE_BYTES, CACHE_MANIFESTS } from "./block-cache.ts";
import { BlockStore } from "./block-store.ts";
import { StoredPairIo } from "./pair-io.ts";
import type { BlockSource } from "./ports.ts";
import { fetchRun, listRunBlocks, readBlockSlices, SLICE_BYTES } from "./transfer.ts";

const root = await mkdtemp(join(tmpdir(), "jobx-runs-"));
afterAll(() => rm(root, { recursive: true }));
let directories = 0;

async function openStore(): Promise<{ store: BlockStore; pathOf: (cid: string) => string }> {
  const directory = join(root, `${directories++}`);
  const store = await BlockStore.open({ directory });
  return { store, pathOf: (cid) => join(directory, "blocks", cid.slice(0, 2), cid) };
}

/** Pairs of about `bytes` each, with keys that repeat. */
function largePairs(count: number, bytes: number): ReturnType<typeof pairOf>[] {
  const random = seededRandom(count);
  return Array.from({ length: count }, (_, at) =>
    pairOf(Math.floor(random.next() * count * 0.7), `${at}`.padEnd(bytes, "-")),
  );
}

function runs(dataset: Dataset): RunPiece[] {
  return dataset.flatMap((piece) => (piece.kind === "run" ? [piece] : []));
}

function onlyRun(dataset: Dataset): RunPiece {
  const [run, ...others] = runs(dataset);
  if (run === undefined || others.length > 0) throw new Error("one run expected");
  return run;
}

async function* inputsOf(...datasets: readonly Dataset[]): AsyncGenerator<Dataset> {
  yield* datasets;
}

test("a long output is several blocks, and a very long one several runs", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a", runBlocksMax: 3, sortMemoryBytes: 2e6 });
  const records = largePairs(60, 150_000);
  const yielded = only(await fill(io.yielded(), records));
  expect(runs(yielded).map(({ count }) => count)).toEqual([18, 18, 18, 6]);
  expect(shown(await readAll(io, yielded))).toEqual(shown(records));
  const sorted = only(await fill(io.sorted({ parts: 1 }), records));
  expect(runs(sorted)).toHaveLength(4);
  expect(shown(await readAll(io, sorted))).toEqual(shown(dumbSort(records)));
  // A key whose values lie in two runs is still one group.
  expect(shown(await readAllGroups(io, [sorted]))).toEqual(shown(dumbSort(records)));
  for (const run of runs(sorted)) {
    expect(run.holders).toEqual(["node-a"]);
    const manifest = decodeManifest(await store.get(run.cid));
    expect(manifest).toMatchObject({ order: "key", count: run.count, bytes: run.bytes });
    for (const block of manifest.blocks) {
      expect(await store.get(block.cid)).toHaveLength(block.bytes);
    }
  }
});

test("equal outputs have equal runs", async () => {
  const { store } = await openStore();
  const records = largePairs(50, 30_000);
  const cids = new Set<string>();
  for (const sortMemoryBytes of [100_000, 400_000, 32e6]) {
    const io = new StoredPairIo({ store, self: "node-a", sortMemoryBytes });
    cids.add(onlyRun(only(await fill(io.sorted({ parts: 1 }), records))).cid);
  }
  expect(cids.size).toBe(1);
});

test("reading a pair touches the manifest and the pair's block only", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a" });
  const records = largePairs(40, 150_000);
  const run = onlyRun(only(await fill(io.yielded(), records)));
  const { blocks } = decodeManifest(await store.get(run.cid));
  const wanted = blocks[3];
  for (const block of blocks) if (block !== wanted) await store.delete(block.cid);
  const first = blocks.slice(0, 3).reduce((sum, block) => sum + block.count, 0);
  const read = await collect(io.read([{ piece: run, first: first + 1, count: 2 }]));
  expect(shown(read)).toEqual(shown(records.slice(first + 1, first + 3)));
  await expect(readAll(io, [run])).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
});

test("pairs of one block read one by one cost one reading of the disk", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a" });
  const records = largePairs(400, 9_000);
  const run = onlyRun(only(await fill(io.yielded(), records)));
  const blocks = await listRunBlocks(store, run.cid);
  const one = async (first: number): Promise<string[]> =>
    shown(await collect(io.read([{ piece: run, first, count: 1 }])));
  expect(await one(0)).toEqual(shown(records.slice(0, 1)));
  // Gone from the disk, so that what is read now was kept.
  for (const { cid } of blocks.slice(0, 2)) await store.delete(cid);
  for (const first of [1, 50, 100]) {
    expect(await one(first)).toEqual(shown(records.slice(first, first + 1)));
  }
  await store.delete(blocks[2]?.cid ?? "");
  await expect(one(150)).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
});

test("the cache of blocks is bounded, and what was used last stays", async () => {
  const { store } = await openStore();
  const cache = new BlockCache(store);
  const cids: string[] = [];
  for (let index = 0; index < 10; index++) {
    cids.push(await store.put(new Uint8Array(CACHE_BYTES / 8).fill(index)));
  }
  const [first = "", second = ""] = cids;
  for (const cid of cids.slice(0, 8)) await cache.get(cid);
  await cache.get(first);
  await cache.get(cids[8] ?? "");
  for (const cid of cids) await store.delete(cid);
  expect(await cache.get(first)).toHaveLength(CACHE_BYTES / 8);
  await expect(cache.get(second)).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
  const large = await store.put(new Uint8Array(CACHE_BYTES));
  await cache.get(large);
  await store.delete(large);
  await expect(cache.get(large)).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
});

test("manifests are kept up to a bound", async () => {
  const { store } = await openStore();
  const cache = new BlockCache(store);
  const cids: string[] = [];
  for (let index = 0; index <= CACHE_MANIFESTS; index++) {
    cids.push((await forgeRun(store, { keys: [index], lie: {} })).cid);
  }
  for (const cid of cids) await cache.manifest(cid);
  for (const cid of cids) await store.delete(cid);
  expect(await cache.manifest(cids.at(-1) ?? "")).toMatchObject({ count: 1 });
  await expect(cache.manifest(cids[0] ?? "")).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
});

test("a damaged block is never read as pairs", async () => {
  const { store, pathOf } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a" });
  const run = onlyRun(only(await fill(io.sorted({ parts: 1 }), largePairs(40, 150_000))));
  const { blocks } = decodeManifest(await store.get(run.cid));
  const cid = blocks[1]?.cid ?? "";
  const bytes = await store.get(cid);
  bytes[1000] = (bytes[1000] ?? 0) ^ 1;
  await writeFile(pathOf(cid), bytes);
  await expect(readAllGroups(io, [[run]])).rejects.toMatchObject({ code: "FS_BLOCK_DAMAGED" });
  await expect(readAll(io, [run])).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
});

test("a run that is not what was recorded is refused", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a" });
  const run = onlyRun(only(await fill(io.sorted({ parts: 1 }), largePairs(9, 9_000))));
  for (const lie of [{ count: run.count - 1 }, { bytes: 1 }, { order: "yield" as const }]) {
    const piece = { ...run, ...lie };
    await expect(readAll(io, [piece])).rejects.toMatchObject({ code: "FS_RUN_MISMATCH" });
  }
  const data = decodeManifest(await store.get(run.cid)).blocks[0]?.cid ?? "";
  await expect(readAll(io, [{ ...run, cid: data }])).rejects.toMatchObject({
    code: "RUN_MALFORMED",
  });
  const inline = { kind: "inline", bytes: encodePairs([]), count: 1, order: "key" } as const;
  await expect(readAll(io, [inline])).rejects.toMatchObject({ code: "FS_RUN_MISMATCH" });
});

/** A run of one block whose manifest may lie, made by hand. */
async function forgeRun(
  store: BlockStore,
  options: { readonly keys: readonly number[]; readonly lie: Readonly<Record<string, number>> },
): Promise<RunPiece> {
  const builder = new DataBlockBuilder();
  const cursor = new RecordCursor(encodePairs(options.keys.map((key) => pairOf(key, "v"))));
  while (cursor.next()) builder.append(cursor);
  const { block, count, firstKey } = builder.finish();
  const cid = await store.put(block);
  const entry = { cid, bytes: block.length, count, firstKey, ...options.lie };
  const totals = { count: entry.count, bytes: entry.bytes, order: "key" as const };
  const manifest = await store.put(encodeManifest({ ...totals, blocks: [entry] }));
  return { kind: "run", cid: manifest, holders: [], ...totals };
}

test("a manifest that lies about its blocks is noticed", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a" });
  const honest = await forgeRun(store, { keys: [1, 2], lie: {} });
  expect(await readAll(io, [honest])).toHaveLength(2);
  for (const lie of [{ count: 3 }, { bytes: 99 }]) {
    const forged = await forgeRun(store, { keys: [1, 2], lie });
    await expect(readAll(io, [forged])).rejects.toMatchObject({ code: "FS_RUN_MISMATCH" });
  }
});

test("pairs that are said to be sorted and are not are refused", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a" });
  const forged = await forgeRun(store, { keys: [1, 3, 2], lie: {} });
  await expect(readAllGroups(io, [[forged]])).rejects.toMatchObject({ code: "FS_RUN_NOT_SORTED" });
  const bytes = encodePairs([pairOf(2, 0), pairOf(1, 0)]);
  const inline = { kind: "inline", bytes, count: 2, order: "key" } as const;
  await expect(readAllGroups(io, [[inline]])).rejects.toMatchObject({ code: "FS_RUN_NOT_SORTED" });
});

test("a pair that is too large is refused before it is kept", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a" });
  const key = pairOf("k", 0).key;
  for (const sink of [io.yielded(), io.sorted({ parts: 1 })]) {
    await expect(
      sink.add([{ key, value: new Uint8Array(RECORD_BYTES_MAX) }]),
    ).rejects.toMatchObject({ code: "FS_RECORD_TOO_LARGE" });
    await expect(sink.finish()).rejects.toThrow(/all pairs/);
    await sink.discard();
  }
});

/** Syncs and temporary files that `run` asks the machine for. */
async function diskUse(
  store: BlockStore,
  run: () => Promise<void>,
): Promise<{ readonly files: number; readonly directories: number; readonly temporary: number }> {
  const probe = await open(join(root, "probe"), "w");
  const prototype: unknown = Object.getPrototypeOf(probe);
  await probe.close();
  if (!isFileHandle(prototype)) throw new Error("a file handle has its methods from a class");
  const files = vi.spyOn(prototype, "datasync");
  const directories = vi.spyOn(prototype, "sync");
  const temporary = vi.spyOn(store, "temporaryPath");
  try {
    await run();
    return {
      files: files.mock.calls.length,
      directories: directories.mock.calls.length,
      temporary: temporary.mock.calls.length,
    };
  } finally {
    vi.restoreAllMocks();
  }
}

function isFileHandle(value: unknown): value is FileHandle {
  return typeof value === "object" && value !== null && "datasync" in value && "sync" in value;
}

test("a small run costs two files' syncs and a sync for each of their directories", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a" });
  for (const sink of [io.sorted({ parts: 1 }), io.yielded()]) {
    let dataset: Dataset = [];
    const use = await diskUse(store, async () => {
      dataset = only(await fill(sink, largePairs(9, 3_000)));
    });
    const cids = await listRunBlocks(store, onlyRun(dataset).cid);
    const shards = new Set(cids.map(({ cid }) => cid.slice(0, 2)));
    expect(use).toEqual({ files: 2, directories: shards.size, temporary: 2 });
  }
});

test("a sorter writes nothing when its pairs fit, and syncs nothing when they do not", async () => {
  const { store } = await openStore();
  const records = largePairs(200, 9_000);
  const sort = async (sortMemoryBytes: number): Promise<void> => {
    const sorter = new StoredPairIo({ store, self: "node-a", sortMemoryBytes }).sorter();
    for (const record of records) await sorter.add([record]);
    const groups = ungrouped(await collect(sorter.groups()));
    expect(shown(groups)).toEqual(shown(dumbSort(records)));
    // Gone before `discard` as well.
    expect(await readdir(store.temporaryDirectory)).toEqual([]);
    await sorter.discard();
  };
  const none = { files: 0, directories: 0, temporary: 0 };
  expect(await diskUse(store, () => sort(32e6))).toEqual(none);
  const spilled = await diskUse(store, () => sort(100_000));
  expect(spilled).toMatchObject({ files: 0, directories: 0 });
  expect(spilled.temporary).toBeGreaterThan(10);
});

test("a sorter that fails or is stopped leaves nothing behind", async () => {
  const { store } = await openStore();
  const stop = new AbortController();
  const options = { store, self: "node-a", sortMemoryBytes: 50_000, signal: stop.signal };
  const io = new StoredPairIo(options);
  const sorters = [io.sorter(), io.sorter(), io.sorter()];
  for (const sorter of sorters) await sorter.add(largePairs(40, 9_000));
  const [large, read, added] = sorters;
  const { key } = pairOf("k", 0);
  await expect(
    large?.add([{ key, value: new Uint8Array(RECORD_BYTES_MAX) }]),
  ).rejects.toMatchObject({ code: "FS_RECORD_TOO_LARGE" });
  expect(() => large?.groups()).toThrow(/all pairs/);
  const groups = read?.groups();
  stop.abort();
  await expect(groups?.next()).rejects.toMatchObject({ code: "FS_STOPPED" });
  await expect(added?.add([pairOf(1, 1)])).rejects.toMatchObject({ code: "FS_STOPPED" });
  expect((await readdir(store.temporaryDirectory)).length).toBeGreaterThan(0);
  for (const sorter of sorters) await sorter.discard();
  expect(await readdir(store.temporaryDirectory)).toEqual([]);
});

test("a pair larger than the memory of the sort is sorted all the same", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a", sortMemoryBytes: 100_000 });
  const records = [
    pairOf("b", "x".repeat(3e6)),
    ...largePairs(30, 9000),
    pairOf("a", "y".repeat(2e6)),
  ];
  const dataset = only(await fill(io.sorted({ parts: 1 }), records));
  expect(shown(await readAll(io, dataset))).toEqual(shown(dumbSort(records)));
  expect(shown(await readAllGroups(io, [dataset]))).toEqual(shown(dumbSort(records)));
});

test("many inputs are merged with few open files", async () => {
  const { store } = await openStore();
  const io = new StoredPairIo({ store, self: "node-a", readersMax: 4 });
  const inputs: Dataset[] = [];
  const all: ReturnType<typeof pairOf>[] = [];
  for (let input = 0; input < 30; input++) {
    // Every third is a run, the others are inline.
    const records = largePairs(20, input % 3 === 0 ? 900 : 30);
    all.push(...records);
    inputs.push(only(await fill(io.sorted({ parts: 1 }), records)));
  }
  expect(shown(await readAllGroups(io, inputs))).toEqual(shown(dumbSort(all)));
  expect(await readdir(store.temporaryDirectory)).toEqual([]);
});

test("what is under way ends with the signal, and nothing temporary is left", async () => {
  const { store } = await openStore();
  const stop = new AbortController();
  const signal = stop.signal;
  const io = new StoredPairIo({ store, self: "node-a", sortMemoryBytes: 50_000, signal });
  const dataset = only(await fill(io.sorted({ parts: 1 }), largePairs(40, 60_000)));
  const sinks = [io.sorted({ parts: 1 }), io.yielded()];
  for (const sink of sinks) await sink.add(largePairs(10, 9000));
  const [finished, added] = [io.sorted({ parts: 1 }), io.sorted({ parts: 1 })];
  await finished.add(largePairs(10, 9000));
  const groups = io.readGroups(inputsOf(dataset, dataset))[Symbol.asyncIterator]();
  await groups.next();
  stop.abort();
  const stopped = { code: "FS_STOPPED" };
  const drain = async (): Promise<void> => {
    while ((await groups.next()).done !== true);
  };
  await expect(drain()).rejects.toMatchObject(stopped);
  await expect(readAll(io, dataset)).rejects.toMatchObject(stopped);
  await expect(finished.finish()).rejects.toMatchObject(stopped);
  await expect(added.add([pairOf(1, 1)])).rejects.toMatchObject(stopped);
  for (const sink of [...sinks, added]) await sink.discard();
  expect(await readdir(store.temporaryDirectory)).toEqual([]);
});

/** Serves another store's blocks, and counts. */
function sourceOf(
  store: BlockStore,
  change: (slice: Uint8Array) => Uint8Array = (slice) => slice,
): BlockSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async *get(cid) {
      asked.push(cid);
      for await (const slice of readBlockSlices(store, { cid })) yield change(slice);
    },
  };
}

async function twoNodes(): Promise<{
  readonly from: BlockStore;
  readonly to: BlockStore;
  readonly run: RunPiece;
  readonly pathOf: (cid: string) => string;
}> {
  const [{ store: from }, { store: to, pathOf }] = [await openStore(), await openStore()];
  const io = new StoredPairIo({ store: from, self: "node-a" });
  const run = onlyRun(only(await fill(io.sorted({ parts: 1 }), largePairs(30, 150_000))));
  return { from, to, run, pathOf };
}

const { signal } = new AbortController();

test("a run is brought from another node once, in order", async () => {
  const { from, to, run } = await twoNodes();
  const source = sourceOf(from);
  const blocks = await listRunBlocks(from, run.cid);
  const report = await fetchRun(run, { store: to, source, signal });
  expect(source.asked).toEqual(blocks.map(({ cid }) => cid));
  const fetchedBytes = blocks.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(report).toEqual({ fetchedBlocks: blocks.length, fetchedBytes, presentBlocks: 0 });
  const read = await readAll(new StoredPairIo({ store: to, self: "node-b" }), [run]);
  expect(shown(read)).toEqual(shown(dumbSort(largePairs(30, 150_000))));
  const again = await fetchRun(run, { store: to, source, signal });
  expect(again).toEqual({ fetchedBlocks: 0, fetchedBytes: 0, presentBlocks: blocks.length });
});

test("fetching goes on where it was interrupted, and replaces what was damaged", async () => {
  const { from, to, run, pathOf } = await twoNodes();
  const blocks = await listRunBlocks(from, run.cid);
  const [manifest, first, second, third] = blocks;
  const cids = [manifest, first, second, third].map((block) => block?.cid ?? "");
  const good = sourceOf(from);
  const failing: BlockSource = {
    get(cid, abort) {
      if (cid === cids[2]) throw new Error("the connection broke");
      return good.get(cid, abort);
    },
  };
  await expect(fetchRun(run, { store: to, source: failing, signal })).rejects.toThrow(/broke/);
  // Where the manifest is, the blocks are.
  expect([await to.has(cids[0] ?? ""), await to.has(cids[1] ?? "")]).toEqual([false, true]);
  // What was on its way when it broke is not fetched again.
  expect(await fetchRun(run, { store: to, source: good, signal })).toMatchObject({
    fetchedBlocks: 2,
    presentBlocks: blocks.length - 2,
  });
  await writeFile(pathOf(cids[0] ?? ""), "damaged");
  await writeFile(pathOf(cids[3] ?? ""), "damaged");
  await expect(to.get(cids[3] ?? "")).rejects.toMatchObject({ code: "FS_BLOCK_DAMAGED" });
  expect(await fetchRun(run, { store: to, source: good, signal })).toMatchObject({
    fetchedBlocks: 2,
  });
});

test("what a source sends is not believed", async () => {
  const { from, to, run } = await twoNodes();
  const lies = [
    (slice: Uint8Array) => slice.map((byte) => byte ^ 1),
    (slice: Uint8Array) => new Uint8Array([...slice, 0]),
    (slice: Uint8Array) => slice.subarray(1),
    () => new Uint8Array(0),
    () => new Uint8Array(2 ** 20),
  ];
  for (const lie of lies) {
    const source = sourceOf(from, lie);
    await expect(fetchRun(run, { store: to, source, signal })).rejects.toMatchObject({
      code: "FS_FETCH_DAMAGED",
    });
  }
  const other = { ...run, count: run.count + 1 };
  await expect(
    fetchRun(other, { store: to, source: sourceOf(from), signal }),
  ).rejects.toMatchObject({ code: "FS_RUN_MISMATCH" });
  expect(await to.has(run.cid)).toBe(false);
});

test("a source may answer with a whole block, and stopping ends a fetch", async () => {
  const { from, to, run } = await twoNodes();
  const stop = new AbortController();
  let asked = 0;
  const source: BlockSource = {
    get(cid) {
      if (++asked === 3) stop.abort();
      return from.get(cid);
    },
  };
  await expect(fetchRun(run, { store: to, source, signal: stop.signal })).rejects.toMatchObject({
    code: "FS_STOPPED",
  });
  expect(asked).toBe(3);
  await fetchRun(run, { store: to, source, signal });
  expect(await to.has(run.cid)).toBe(true);
});

test("a block is served in slices, and only when it is whole", async () => {
  const { from, run } = await twoNodes();
  const data = (await listRunBlocks(from, run.cid))[1];
  const cid = data?.cid ?? "";
  const slices: Uint8Array[] = [];
  for await (const slice of readBlockSlices(from, { cid })) slices.push(slice);
  expect(slices.every(({ length }) => length <= SLICE_BYTES)).toBe(true);
  expect(Buffer.concat(slices)).toEqual(Buffer.from(await from.get(cid)));
  await from.delete(cid);
  const serve = readBlockSlices(from, { cid });
  await expect(serve.next()).rejects.toMatchObject({ code: "FS_BLOCK_MISSING" });
});
