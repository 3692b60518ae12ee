/** A volume that codes, on four real nodes with 2+1: a node dies while a file is written, and nothing is lost. */
import { hash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { CopiesView } from "../../src/api/copy-port.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";
import { slowBody } from "../lib/e2e-slow-body.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 100 * MIB;
const NODES = [1, 2, 3, 4];
/** Told apart from the sizes of small files and runs. */
const BLOCK_FILE_BYTES_MIN = 64 * 1024;
/** A node that is away is given half a minute before others make what it had. */
const HEAL_MS_MAX = 150_000;
const DROP_MS_MAX = 60_000;
/** Between two parts of a slow upload. */
const PART_MS = 20;
/** Blocks of a stripe of 2+1 for each of its data. */
const FACTOR = 1.5;

const cluster = useCluster(4, { nodeArgs: "--block-grace 2" });
const contents = new Map<string, string>();

beforeAll(async () => {
  await cluster.client(1).createWorkflow({ workflow: "text" });
  await cluster.scheduler("text", 1);
  const { code, stderr } = await cluster.jobx(2, "fs", "quota", "text", "--erasure", "2+1");
  expect([code, stderr]).toEqual([0, ""]);
}, 60_000);

function sha256(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

function fileUrl(node: number, path: string): URL {
  const at = new URL("/v1/workflows/text/fs/file", cluster.api(node));
  at.searchParams.set("path", path);
  return at;
}

function headers(): Record<string, string> {
  return { authorization: `Bearer ${cluster.token}`, "jobx-deadline-ms": "60000" };
}

/** The hash of a file, or the code of what was answered instead. */
async function read(node: number, path: string): Promise<string> {
  const answer = await fetch(fileUrl(node, path), { headers: headers() });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return answer.status === 200 ? sha256(bytes) : bytes.toString();
}

async function expectWhole(nodes: readonly number[]): Promise<void> {
  for (const node of nodes) {
    for (const [path, wanted] of contents) {
      expect([node, path, await read(node, path)]).toEqual([node, path, wanted]);
    }
  }
}

async function where(node: number, path: string): Promise<CopiesView> {
  const at = { workflow: "text", path, limit: 10, after: undefined };
  const { entries } = await cluster.client(node).copies.where(at);
  const copies = entries[0]?.copies;
  if (copies === undefined || copies === null) throw new Error(`nothing is at ${path}`);
  return copies;
}

async function bytesOn(node: number): Promise<number> {
  const folder = join(cluster.home(node), "data/blocks/blocks");
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = files.map(async (file) => {
    const facts = await stat(join(file.parentPath, file.name)).catch(() => undefined);
    return facts?.isFile() === true && facts.size >= BLOCK_FILE_BYTES_MIN ? facts.size : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

async function bytesOnDisks(nodes: readonly number[]): Promise<number> {
  const all = await Promise.all(nodes.map(bytesOn));
  return all.reduce((sum, bytes) => sum + bytes, 0);
}

/** Heals the volume once, and tells what is left to be done. */
async function heal(node: number): Promise<unknown> {
  const { code, stdout } = await cluster.jobx(node, "fs", "heal", "text", "--json");
  return { code, ...JSON.parse(stdout) };
}

test("a file takes half as much again as its content, and each stripe is on three nodes", async () => {
  const bytes = randomBytes(FILE_BYTES);
  const init = { method: "PUT", headers: headers(), body: bytes };
  const answer: unknown = await (await fetch(fileUrl(1, "/first"), init)).json();
  expect(answer).toMatchObject({ bytes: FILE_BYTES, copies: 2, copiesWanted: 2 });
  contents.set("/first", sha256(bytes));
  const blocks = (FILE_BYTES / MIB) * FACTOR;
  expect(await where(3, "/first")).toMatchObject({
    ...{ blocks, stripes: FILE_BYTES / MIB / 2, parity: FILE_BYTES / MIB / 2 },
    ...{ copies: 2, short: 0, missing: 0, lost: 0 },
  });
  await eventually("the node that took it has given up what others have", DROP_MS_MAX, async () => {
    return (await bytesOnDisks(NODES)) === FILE_BYTES * FACTOR;
  });
  await expectWhole(NODES);
});

test("a node that dies while a file is written costs nothing, and what it had is made again elsewhere", async () => {
  const bytes = randomBytes(FILE_BYTES);
  const half = new AbortController();
  const body = slowBody(bytes, { partMs: PART_MS, onHalf: () => half.abort() });
  const sent = { method: "PUT", headers: headers(), duplex: "half", body } as const;
  const write = fetch(fileUrl(1, "/during"), sent);
  await once(half.signal, "abort");
  await cluster.kill(4);
  const answer = await write;
  const said: unknown = await answer.json();
  expect([answer.status, said]).toEqual([200, expect.objectContaining({ bytes: FILE_BYTES })]);
  contents.set("/during", sha256(bytes));
  await expectWhole([1, 2, 3]);
  await eventually("each stripe is on three nodes again", HEAL_MS_MAX, async () => {
    await heal(2);
    const files = [await where(1, "/first"), await where(1, "/during")];
    return files.every(({ copies, short, missing, lost }) => {
      return copies === 2 && short + missing + lost === 0;
    });
  });
  await expectWhole([2]);
}, 300_000);

test("a node that comes back has nothing too much for long, and another one may be lost then", async () => {
  await cluster.start(4);
  await eventually("each block is on one node", HEAL_MS_MAX, async () => {
    await heal(3);
    return (await bytesOnDisks(NODES)) === 2 * FILE_BYTES * FACTOR;
  });
  for (const path of contents.keys()) {
    expect(await where(2, path)).toMatchObject({ copies: 2, short: 0, missing: 0, lost: 0 });
  }
  await cluster.kill(3);
  await expectWhole([1, 2, 4]);
}, 300_000);

test.skipIf(mountsRefused() !== undefined)(
  "what a mount writes into a sealed volume that codes is coded, and read at nodes that lack it",
  async () => {
    const how = ["--sealed", "--erasure", "2+1"];
    expect((await cluster.jobx(1, "workflow", "create", "secret", ...how)).code).toBe(0);
    await cluster.scheduler("secret", 1);
    const at = join(cluster.folder, "secret");
    await mkdir(at);
    const log = ["--background", "--log", `${at}.log`];
    const started = await cluster.jobx(1, "fs", "mount", "secret:/", at, ...log);
    expect([started.code, started.stderr]).toEqual([0, ""]);
    try {
      const bytes = randomBytes(7 * MIB + 5);
      await writeFile(join(at, "made"), bytes);
      await writeFile(join(at, "small"), "one block");
      const files = { workflow: "secret", limit: 10, after: undefined };
      const { entries } = await cluster.client(2).copies.where({ ...files, path: "/made" });
      expect(entries[0]?.copies).toMatchObject({ stripes: 4, copies: 2, short: 0, lost: 0 });
      for (const node of [1, 2, 4]) {
        const url = new URL("/v1/workflows/secret/fs/file?path=/made", cluster.api(node));
        const answer = await fetch(url, { headers: headers() });
        expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(bytes));
      }
      expect(await readFile(join(at, "small"), "utf8")).toBe("one block");
    } finally {
      await cluster.jobx(1, "fs", "unmount", at, "--wait", "5");
    }
  },
);
