/** Stripes in the data plane's thread: parity is made, lost blocks too, and what is offered may be dropped. */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { DataPlaneKit } from "../../../test/lib/data-plane-kit.ts";
import { cidOf } from "../../fs/cid.ts";
import type { StoredWindow } from "../../fs/file-blocks.ts";
import type { SealedChunk } from "../../fs/seal.ts";

const MIB = 1024 * 1024;
const NOBODY = { nodes: [], areAll: true };
const kits: DataPlaneKit[] = [];

afterEach(async () => {
  for (const kit of kits.splice(0)) await kit.close();
});

async function open(): Promise<DataPlaneKit> {
  const kit = await DataPlaneKit.open({ sync: false });
  kits.push(kit);
  return kit;
}

async function* whole(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Uint8Array.from(content));
}

async function store(kit: DataPlaneKit, content: Uint8Array): Promise<readonly SealedChunk[]> {
  const windows: StoredWindow[] = [];
  const how = { chunking: "fixed-1", sha256: false, key: undefined } as const;
  for await (const window of kit.plane.contents.store({ bytes: whole(content), ...how })) {
    windows.push(window);
  }
  return windows.flatMap(({ chunks }) => chunks);
}

function lose(kit: DataPlaneKit, cid: string): Promise<void> {
  return rm(join(kit.directory, "blocks/blocks", cid.slice(0, 2), cid));
}

test("what is lost of a stripe is read all the same, and is made again where that is ordered", async () => {
  const kit = await open();
  const content = randomBytes(2 * MIB + 1000);
  const chunks = await store(kit, content);
  const data = chunks.map(({ cid, bytes }) => ({ cid, bytes }));
  const cids = data.map(({ cid }) => cid);
  const [parity = []] = await kit.plane.coded.code([{ data: cids, parity: 2 }]);
  expect(parity).toHaveLength(2);
  const stripe = { data, parity };
  const lost = [cids[0] ?? "", cids[2] ?? ""];
  for (const cid of lost) await lose(kit, cid);
  const parts = chunks.map((chunk) => ({ ...chunk, from: 0, to: chunk.bytes, stripe }));
  const slices: Uint8Array[] = [];
  for await (const slice of kit.plane.contents.read(parts, { holders: NOBODY, key: undefined })) {
    slices.push(slice);
  }
  expect(Buffer.compare(Buffer.concat(slices), content)).toBe(0);
  expect(await kit.plane.haveBlocks(lost)).toEqual([false, false]);
  expect(await kit.plane.coded.rebuild({ stripe, cids: lost, from: [] })).toEqual([true, true]);
  expect((await kit.plane.verifyBlocks([...cids, ...parity])).damaged).toEqual([]);
  expect(await kit.plane.haveBlocks(cids)).toEqual([true, true, true]);
});

test("with too few of a stripe left a block is lost, and cannot be ordered", async () => {
  const kit = await open();
  const chunks = await store(kit, randomBytes(2 * MIB));
  const data = chunks.map(({ cid, bytes }) => ({ cid, bytes }));
  const [parity = []] = await kit.plane.coded.code([
    { data: data.map(({ cid }) => cid), parity: 1 },
  ]);
  const stripe = { data, parity };
  for (const { cid } of data) await lose(kit, cid);
  const parts = chunks.map((chunk) => ({ ...chunk, from: 0, to: chunk.bytes, stripe }));
  const read = async (): Promise<void> => {
    for await (const _ of kit.plane.contents.read(parts, { holders: NOBODY, key: undefined }));
  };
  await expect(read()).rejects.toMatchObject({ code: "FS_BLOCK_LOST" });
  const cids = data.map(({ cid }) => cid);
  expect(await kit.plane.coded.rebuild({ stripe, cids, from: [] })).toEqual([false, false]);
});

test("what is offered is dropped unless somebody wants it before", async () => {
  const kit = await open();
  const cids = (await store(kit, randomBytes(2 * MIB))).map(({ cid }) => cid);
  await kit.plane.coded.offer(cids);
  expect(await kit.plane.haveBlocks(cids.slice(1))).toEqual([true]);
  expect(await kit.plane.coded.drop(cids)).toEqual([true, false]);
  expect(await kit.plane.haveBlocks(cids)).toEqual([false, true]);
});

test("blocks that come whole are stored under their hashes, and the frame that they lie in stays as it is", async () => {
  const kit = await open();
  const frame = randomBytes(200);
  const before = Buffer.from(frame);
  const blocks = [frame.subarray(10, 60), frame.subarray(60, 200)];
  await kit.plane.coded.store(blocks);
  const cids = blocks.map((block) => cidOf(block));
  expect(await kit.plane.haveBlocks([...cids, cidOf(frame)])).toEqual([true, true, false]);
  expect((await kit.plane.verifyBlocks(cids)).damaged).toEqual([]);
  expect(Buffer.compare(frame, before)).toBe(0);
});
