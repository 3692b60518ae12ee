import { hash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { NearPlace } from "../../api/near.ts";
import { NearNodes } from "./near-nodes.ts";

const READ_MS = 1_000;

let folder: string;
let nowMs: number;
let asked: number;
let answer: () => NearPlace | null;
let nodes: NearNodes;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobx-near-"));
  await writeFile(join(folder, "proof"), "seen");
  [nowMs, asked] = [0, 0];
  answer = () => placeOf("seen");
  const calls = {
    url: "http://here",
    near: async () => {
      asked += 1;
      return answer();
    },
  };
  nodes = new NearNodes(calls, { nowMs: () => nowMs });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function placeOf(proof: string): NearPlace {
  const blocks = join(folder, "blocks");
  return { directory: folder, proofFile: "proof", proof, blocks, readMs: READ_MS };
}

async function stored(data: Buffer): Promise<{ readonly cid: string; readonly path: string }> {
  const cid = hash("sha256", data, "hex");
  const path = join(folder, "blocks", cid.slice(0, 2), cid);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
  return { cid, path };
}

test("a block is read from the node's disk for as long as it said, if it is what its name says", async () => {
  const data = Buffer.alloc(70_000, 7);
  const { cid, path } = await stored(data);
  const untilMs = await nodes.untilMs();
  expect(untilMs).toBe(READ_MS);
  const block = { cid, bytes: data.length, plain: null };
  expect(await nodes.block(block, untilMs)).toEqual(new Uint8Array(data));
  expect(await Promise.all([1, 2, 3, 4].map(() => nodes.block(block, untilMs)))).toEqual(
    [1, 2, 3, 4].map(() => new Uint8Array(data)),
  );
  await writeFile(path, Buffer.alloc(70_000, 8));
  expect(await nodes.block(block, untilMs)).toBeUndefined();
  await writeFile(path, data.subarray(1));
  expect(await nodes.block(block, untilMs)).toBeUndefined();
  await rm(path);
  expect(await nodes.block(block, untilMs)).toBeUndefined();
  await writeFile(path, data);
  nowMs = READ_MS;
  expect(await nodes.block(block, untilMs)).toBeUndefined();
  expect(asked).toBe(1);
});

test("a file in the node's folder is named, one elsewhere is not", async () => {
  const file = (path: string) => nodes.staged({ path, bytes: 3 });
  expect(await file(join(folder, "writing-1-abc", "x"))).toEqual({
    staged: "writing-1-abc/x",
    bytes: 3,
  });
  expect(await file(join(tmpdir(), "x"))).toBeUndefined();
});

test("a node that says nothing, or whose proof is not seen here, is not near", async () => {
  for (const near of [null, placeOf("other"), { ...placeOf("seen"), directory: "/nowhere" }]) {
    answer = () => near;
    const calls = { url: "http://other", near: async () => answer() };
    const other = new NearNodes(calls, { nowMs: () => nowMs });
    expect(await other.directory()).toBeUndefined();
    expect(await other.untilMs()).toBe(0);
    expect(await other.staged({ path: join(folder, "x"), bytes: 1 })).toBeUndefined();
  }
});

test("a node that fails to say is asked again, though not for every call", async () => {
  answer = () => {
    throw new Error("away");
  };
  expect(await nodes.directory()).toBeUndefined();
  expect(await nodes.directory()).toBeUndefined();
  expect(asked).toBe(1);
  answer = () => placeOf("seen");
  nowMs = 30_000;
  expect(await nodes.directory()).toBe(folder);
  expect(asked).toBe(2);
});
