/** Copies of files' blocks between real nodes: damaged, deleted, written while a node dies, and healed after a loss. */
import { hash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, open, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test, vi } from "vitest";
import type { CopiesView } from "../../src/api/copy-port.ts";
import { DEADLINE_MS_MAX } from "../../src/api/limits.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { numberOf } from "../lib/e2e-nodes.ts";
import { slowBody } from "../lib/e2e-slow-body.ts";

const MIB = 1024 * 1024;
/** Size of a large file; `FS_MIB=1024` is the long form. */
const LARGE_MIB = Number(process.env["FS_MIB"] ?? 64);
const LARGE_BYTES = LARGE_MIB * MIB;
/** Times as long as with the usual size that something may take. */
const LONGER = Math.max(1, LARGE_MIB / 64);
const SMALL_FILES = 200;
const NODES = [1, 2, 3];
/** One block in a hundred, and not so few that nobody would meet one. */
const FLIPPED = Math.max(8, Math.ceil((2 * LARGE_MIB) / 100));
/** Blocks that have a file of their own are as large as this at least. */
const BLOCK_FILE_BYTES_MIN = 64 * 1024;
/** A node that is away is given half a minute before others copy what it had. */
const HEAL_MS_MAX = 120_000 * LONGER;
/** Several graces and rounds on a busy machine. */
const COLLECT_MS_MAX = 60_000 * LONGER;
/** Of a whole test. */
const TEST_MS_MAX = 180_000 * LONGER;
/** Between two parts of a slow upload. */
const PART_MS = 30;

vi.setConfig({ testTimeout: TEST_MS_MAX });
// A short grace, so that the collector is at work during all of what is done here.
const cluster = useCluster(3, { nodeArgs: "--block-grace 2" });

/** What each path of the volume holds: all that was acknowledged, and not removed again. */
const contents = new Map<string, string>();

beforeAll(async () => {
  await cluster.client(1).createWorkflow({ workflow: "text" });
  await cluster.scheduler("text", 1);
  await put(1, "/large", randomBytes(LARGE_BYTES));
  const folder = join(cluster.folder, "small");
  await mkdir(folder);
  for (let at = 0; at < SMALL_FILES; at++) {
    const bytes = randomBytes(at * 97);
    await writeFile(join(folder, `f${at}`), bytes);
    contents.set(`/small/f${at}`, sha256(bytes));
  }
  await jobx(2, "fs", "put", "-r", folder, "text:/small");
}, TEST_MS_MAX);

function sha256(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

async function jobx(node: number, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.jobx(node, ...words);
  expect([words, code, stderr]).toEqual([words, 0, ""]);
  return stdout;
}

function fileUrl(node: number, path: string): URL {
  const at = new URL("/v1/workflows/text/fs/file", cluster.api(node));
  at.searchParams.set("path", path);
  return at;
}

function headers(): Record<string, string> {
  return {
    authorization: `Bearer ${cluster.token}`,
    "jobx-deadline-ms": `${Math.min(DEADLINE_MS_MAX, 60_000 * LONGER)}`,
  };
}

async function put(node: number, path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const init = { method: "PUT", headers: headers(), body: bytes };
  const answer: unknown = await (await fetch(fileUrl(node, path), init)).json();
  expect(answer).toMatchObject({ path, bytes: bytes.length, copies: 2 });
  contents.set(path, sha256(bytes));
}

/** The hash of a file, or the code of what was answered instead. */
async function read(node: number, path: string): Promise<string> {
  const answer = await fetch(fileUrl(node, path), { headers: headers() });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return answer.status === 200 ? sha256(bytes) : bytes.toString();
}

/** Fails where a node gives anything else than what was put. */
async function expectWhole(nodes: readonly number[]): Promise<void> {
  for (const node of nodes) {
    for (const [path, wanted] of contents) {
      expect([node, path, await read(node, path)]).toEqual([node, path, wanted]);
    }
  }
}

/** How a file stands, or each of a folder. */
async function where(
  node: number,
  path: string,
): Promise<readonly (CopiesView & { readonly name: string })[]> {
  const at = { workflow: "text", path, limit: 1000, after: undefined };
  const { entries } = await cluster.client(node).copies.where(at);
  return entries.flatMap(({ name, copies }) => (copies === null ? [] : [{ ...copies, name }]));
}

async function whereAll(node: number): Promise<Awaited<ReturnType<typeof where>>> {
  return [...(await where(node, "/")), ...(await where(node, "/small"))];
}

/** The node other than these that has most blocks of the large file. */
async function holderOtherThan(...others: readonly number[]): Promise<number> {
  const [file] = await where(1, "/large");
  const nodes = (file?.nodes ?? []).filter(({ node }) => !others.includes(numberOf(node)));
  const [most] = nodes.toSorted((a, b) => b.blocks - a.blocks);
  expect(most?.blocks).toBeGreaterThan(0);
  return numberOf(most?.node ?? "");
}

/** Paths and sizes of a node's blocks that have a file each. */
async function blockFiles(
  node: number,
): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
  const folder = join(cluster.home(node), "data/blocks/blocks");
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sized = files.map(async (file) => {
    const path = join(file.parentPath, file.name);
    // The collector deletes while this looks.
    const facts = await stat(path).catch(() => undefined);
    return facts?.isFile() === true && facts.size >= BLOCK_FILE_BYTES_MIN
      ? [{ path, bytes: facts.size }]
      : [];
  });
  return (await Promise.all(sized)).flat();
}

async function bytesOn(nodes: readonly number[]): Promise<number> {
  const all = (await Promise.all(nodes.map(blockFiles))).flat();
  return all.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Turns one bit over in the middle of each file. */
async function flip(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const file = await open(path, "r+");
    try {
      const at = Math.floor((await file.stat()).size / 2);
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
      await file.write(Buffer.from([buffer.readUInt8(0) ^ 1]), 0, 1, at);
    } finally {
      await file.close();
    }
  }
}

/** What is damaged and cannot be repaired fails by its exit code, with what was counted. */
async function verify(): Promise<unknown> {
  const { code, stdout, stderr } = await cluster.jobx(1, "fs", "verify", "--repair", "--json");
  expect([code, stdout, stderr]).toEqual([0, expect.any(String), ""]);
  return JSON.parse(stdout);
}

test("flipped bits are never read, and verify finds and repairs those that nobody has read", async () => {
  const node = await holderOtherThan();
  const paths = (await blockFiles(node)).map(({ path }) => path);
  expect(paths.length).toBeGreaterThanOrEqual(2 * FLIPPED);
  await flip(paths.slice(0, FLIPPED));
  await expectWhole(NODES);
  await verify();
  await flip(paths.slice(-FLIPPED));
  expect(await verify()).toMatchObject({ damaged: FLIPPED, repaired: FLIPPED });
  expect(await verify()).toMatchObject({ damaged: 0, repaired: 0 });
  await expectWhole([node]);
});

test("what was removed leaves all disks once the grace is over, and nothing else does", async () => {
  const before = await bytesOn(NODES);
  await put(3, "/gone", randomBytes(LARGE_BYTES));
  const during = await bytesOn(NODES);
  expect(during - before).toBeGreaterThanOrEqual(2 * LARGE_BYTES * 0.95);
  await jobx(2, "fs", "rm", "text:/gone");
  contents.delete("/gone");
  await eventually("the bytes are gone", COLLECT_MS_MAX, async () => {
    const nodes: unknown = JSON.parse(await jobx(1, "fs", "gc", "--json"));
    expect(nodes).toMatchObject(NODES.map(() => ({ answered: true, trouble: "" })));
    return (await bytesOn(NODES)) <= before;
  });
  await expectWhole(NODES);
  for (const { copies, name } of await whereAll(2)) expect([name, copies]).toEqual([name, 2]);
});

test("a holder that dies during a write and a read costs no closed file, and the write ends one way or the other", async () => {
  const victim = await holderOtherThan(1);
  const other = NODES.find((node) => node !== 1 && node !== victim) ?? 0;
  const bytes = randomBytes(LARGE_BYTES);
  const half = new AbortController();
  const body = slowBody(bytes, { partMs: PART_MS, onHalf: () => half.abort() });
  const sent = { method: "PUT", headers: headers(), duplex: "half", body } as const;
  const write = fetch(fileUrl(1, "/during"), sent);
  await once(half.signal, "abort");
  const reading = read(other, "/large");
  await cluster.kill(victim);
  expect(await reading).toBe(contents.get("/large"));
  const answer = await write;
  const said: unknown = await answer.json();
  if (answer.status === 200) contents.set("/during", sha256(bytes));
  else expect(JSON.stringify(said)).toMatch(/"code":"[A-Z_]+"/u);
  await expectWhole([1, other]);
  await cluster.start(victim);
  await expectWhole([victim]);
});

test("what a node had that never comes back is copied until all is on two of those that are left", async () => {
  const victim = await holderOtherThan(1);
  const left = NODES.filter((node) => node !== victim);
  const before = await bytesOn(left);
  await cluster.kill(victim);
  await eventually("a file is told to be short", HEAL_MS_MAX, async () =>
    (await whereAll(1)).some((file) => file.short > 0),
  );
  const begin = performance.now();
  await eventually("all files have two copies", HEAL_MS_MAX, async () => {
    const files = await whereAll(1);
    expect(files).toHaveLength(contents.size);
    for (const file of files) {
      const wrong = file.short + file.missing + file.lost;
      expect([file.name, file.copies, wrong]).toEqual([file.name, 2, 0]);
    }
    return true;
  });
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`healed ${(await bytesOn(left)) - before} bytes in ${seconds} s`);
  await expectWhole(left);
});
