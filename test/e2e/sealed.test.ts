/** A volume that seals its blocks, on real nodes: nothing of its content stands on their disks, and all of it is read. */
import { hash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";
import { runProgram } from "../lib/e2e-process.ts";

const MIB = 1024 * 1024;
const LARGE_BYTES = 20 * MIB + 77;
const SMALL_FILES = 30;
const END_MS_MAX = 90_000;
/** In files only: in names and arguments it is not. */
const MARKER = "the secret of the pyramids";

// A short grace, so that what nobody needs goes while this looks.
const cluster = useCluster(3, { nodeArgs: "--block-grace 2" });
/** Paths, and the hashes of what they hold. */
const contents = new Map<string, string>();
const mounted = join(cluster.folder, "mounted");

beforeAll(async () => {
  await jobx(1, "workflow", "create", "artifacts", "--sealed");
  await cluster.apply(1, "artifacts");
  const folder = join(cluster.folder, "in");
  await mkdir(join(folder, "small"), { recursive: true });
  const files = Array.from({ length: SMALL_FILES }, (_, at) => [`small/f${at}`, at * 97] as const);
  for (const [name, bytes] of [["large", LARGE_BYTES] as const, ...files]) {
    const content = marked(bytes);
    await writeFile(join(folder, name), content);
    contents.set(`/in/${name}`, hash("sha256", content, "hex"));
  }
  await jobx(2, "fs", "put", "-r", folder, "artifacts:/in");
}, 120_000);

afterAll(async () => {
  await runProgram("umount", ["-l", mounted], { env: process.env, msMax: END_MS_MAX });
});

/** Random but for the marker, which is everywhere. */
function marked(bytes: number): Buffer<ArrayBuffer> {
  const content = Buffer.from(randomBytes(bytes));
  for (let at = 0; at + MARKER.length <= bytes; at += 2048) content.write(MARKER, at);
  return content;
}

async function jobx(node: number, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.jobx(node, ...words);
  expect([words, code, stderr]).toEqual([words, 0, ""]);
  return stdout;
}

async function read(node: number, path: string, workflow = "artifacts"): Promise<string> {
  const at = new URL(`/v1/workflows/${workflow}/fs/file`, cluster.api(node));
  at.searchParams.set("path", path);
  const authorization = `Bearer ${cluster.token}`;
  const answer = await fetch(at, { headers: { authorization, "jobx-deadline-ms": "60000" } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return answer.status === 200 ? hash("sha256", bytes, "hex") : bytes.toString();
}

async function expectWhole(nodes: readonly number[]): Promise<void> {
  for (const node of nodes) {
    for (const [path, wanted] of contents) {
      expect([node, path, await read(node, path)]).toEqual([node, path, wanted]);
    }
  }
}

/** Files of nodes, logs among them, in which one of the texts stands. */
async function filesWith(
  nodes: readonly number[],
  ...texts: readonly (string | Buffer)[]
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const node of nodes) {
    const entries = await readdir(cluster.home(node), { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name);
      // What is compacted goes while this looks.
      const bytes = await readFile(path).catch(() => Buffer.alloc(0));
      if (texts.some((text) => bytes.includes(text))) found.push(path);
    }
  }
  return found;
}

test("what is put into a sealed volume is read at every node, on as many as it asks for", async () => {
  await expectWhole([1, 2, 3]);
  const at = { workflow: "artifacts", path: "/in/large", limit: 10, after: undefined };
  const { entries } = await cluster.client(3).copies.where(at);
  expect(entries).toMatchObject([{ copies: { blocks: 21, copies: 2, short: 0, missing: 0 } }]);
});

test("no file of any node has anything of its content, and of a volume that does not seal they do", async () => {
  expect(await filesWith([1, 2, 3], MARKER)).toEqual([]);
  await jobx(1, "workflow", "create", "plain");
  const other = "the secret of the sphinx";
  const file = join(cluster.folder, "other");
  await writeFile(file, Buffer.alloc(2 * MIB, other));
  await jobx(1, "fs", "put", file, "plain:/other");
  expect((await filesWith([1, 2, 3], other)).length).toBeGreaterThan(1);
});

test("handlers read and write it by ctx.fs, and what they wrote stands nowhere", async () => {
  const { request } = await cluster.client(1, 2, 3).submit({
    workflow: "artifacts",
    job: "pass",
    arguments: [["khufu", 40_000]],
    idempotencyKey: undefined,
  });
  const view = await ended(cluster.client(1), request, END_MS_MAX);
  expect(view.result?.pairs).toMatchObject([["khufu", ["KHUFU 0", 468_890, true, "FS_NOT_FOUND"]]]);
  // Lines of the middle: the first one is part of the result.
  expect(await filesWith([1, 2, 3], "khufu 31234\n", "KHUFU 31234\n")).toEqual([]);
});

test("a file has the same id and archive as in a volume that does not seal, and is copied there and back", async () => {
  await jobx(1, "fs", "cp", "artifacts:/in/large", "plain:/large");
  expect(await read(3, "/large", "plain")).toBe(contents.get("/in/large"));
  const cid = async (workflow: string, path: string): Promise<unknown> =>
    (await cluster.client(2).files.stat({ workflow, path })).cid;
  expect(await cid("artifacts", "/in/large")).toBe(await cid("plain", "/large"));
  await jobx(2, "fs", "cp", "plain:/large", "artifacts:/back");
  expect(await read(1, "/back")).toBe(contents.get("/in/large"));
  const archive = async (from: string): Promise<string> => {
    const to = join(cluster.folder, "car");
    await jobx(3, "fs", "export", from, "--car", to);
    return hash("sha256", await readFile(to), "hex");
  };
  expect(await archive("artifacts:/back")).toBe(await archive("plain:/large"));
});

test.skipIf(mountsRefused() !== undefined)("a mount reads and writes it", async () => {
  await mkdir(mounted);
  await jobx(3, "fs", "mount", "artifacts:", mounted, "--background");
  const content = marked(5 * MIB + 3);
  await writeFile(join(mounted, "by-mount"), content);
  contents.set("/by-mount", hash("sha256", content, "hex"));
  for (const [path, wanted] of contents) {
    expect(hash("sha256", await readFile(join(mounted, path)), "hex"), path).toBe(wanted);
  }
  expect(await read(1, "/by-mount")).toBe(contents.get("/by-mount"));
  // Not by way of the node's disk, where it would lie as it is until the file is closed.
  const near = async (workflow: string): Promise<unknown> => {
    const at = new URL(`/v1/workflows/${workflow}/fs/near`, cluster.api(3));
    return (await fetch(at, { headers: { authorization: `Bearer ${cluster.token}` } })).json();
  };
  expect(await near("artifacts")).toEqual({ near: null });
  expect(await near("plain")).not.toEqual({ near: null });
});

test("its key goes out to administrators, is kept by nobody as it is, and comes back to who lacks it", async () => {
  const [key] = (await jobx(1, "workflow", "key", "export", "artifacts")).split("\n");
  expect(await jobx(3, "workflow", "key", "export", "artifacts")).toBe(`${key}\n`);
  const bytes = Buffer.from(key ?? "", "base64url");
  expect(bytes).toHaveLength(32);
  expect(await filesWith([1, 2, 3], bytes, bytes.toString("hex"), key ?? "")).toEqual([]);
  const file = join(cluster.folder, "key");
  await writeFile(file, key ?? "");
  expect(await jobx(2, "workflow", "key", "import", "artifacts", file)).toBe("given to 0 nodes\n");
  await writeFile(file, randomBytes(32).toString("base64url"));
  const wrong = await cluster.jobx(2, "workflow", "key", "import", "artifacts", file);
  expect(wrong.stderr).toContain("FS_KEY_WRONG");
});

test("damaged sealed blocks are found and fetched again without being opened", async () => {
  const folder = join(cluster.home(2), "data/blocks/blocks");
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = files.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  const [first, second] = paths.filter((path) => /[0-9a-f]{64}$/u.test(path)).sort();
  for (const path of [first ?? "", second ?? ""]) {
    const stored = await readFile(path);
    stored[100] = (stored[100] ?? 0) ^ 1;
    await writeFile(path, stored);
  }
  const said = await jobx(1, "fs", "verify", "--node", "node-2", "--repair", "--json");
  expect(JSON.parse(said)).toMatchObject({ damaged: 2, repaired: 2 });
  for (const path of [first ?? "", second ?? ""]) {
    expect(path).toContain(hash("sha256", await readFile(path), "hex"));
  }
  await expectWhole([2]);
});

test("after all nodes were killed it is read again", async () => {
  await cluster.kill(1, 2, 3);
  await cluster.start(1, 2, 3);
  await expectWhole([1, 2, 3]);
});

test("a node that joins is given the key and serves it, also when the one that made it is gone", async () => {
  await cluster.up(4);
  await expectWhole([4]);
  await jobx(2, "node", "remove", "node-1");
  await eventually("node-1 is gone", END_MS_MAX, async () => {
    const nodes = await cluster.client(2).nodes();
    return nodes.every(({ name }) => name !== "node-1");
  });
  await expectWhole([2, 4]);
  await jobx(4, "workflow", "create", "later", "--sealed");
  const file = join(cluster.folder, "later");
  // Another text: a copy of the first file lies in the volume that does not seal.
  const text = "the secret of the valley";
  const content = Buffer.alloc(MIB, text);
  await writeFile(file, content);
  await jobx(4, "fs", "put", file, "later:/f");
  expect(await read(3, "/f", "later")).toBe(hash("sha256", content, "hex"));
  expect(await filesWith([2, 3, 4], text)).toEqual([]);
}, 180_000);

test("blocks of removed files go from all disks, by the names under which they are stored", async () => {
  const large = async (): Promise<number> => {
    let bytes = 0;
    for (const node of [2, 3, 4]) {
      const folder = join(cluster.home(node), "data/blocks/blocks");
      for (const one of await readdir(folder, { recursive: true, withFileTypes: true })) {
        const facts = await stat(join(one.parentPath, one.name)).catch(() => undefined);
        if (facts?.isFile() === true) bytes += facts.size;
      }
    }
    return bytes;
  };
  expect(await large()).toBeGreaterThan(2 * LARGE_BYTES);
  for (const path of ["/in", "/back", "/by-mount"]) {
    await cluster.jobx(2, "fs", "rm", "-r", `artifacts:${path}`);
  }
  await jobx(2, "fs", "rm", "plain:/large");
  await eventually("their blocks are gone", END_MS_MAX, async () => (await large()) < LARGE_BYTES);
});
