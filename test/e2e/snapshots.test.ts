/** Snapshots of a workflow's folders between three real nodes: taken, compared, restored, and a node killed in between. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";

const MIB = 1024 * 1024;
const FILES = 300;
/** Several graces and rounds of the collector on a busy machine. */
const COLLECT_MS_MAX = 20_000;

// A short grace, so that the collector is at work during all of what is done here.
const cluster = useCluster(3, { nodeArgs: "--block-grace 2" });
const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  await cluster.client(1).createWorkflow({ workflow: "text" });
  await cluster.scheduler("text", 1);
  folder = join(cluster.folder, "some");
  for (let at = 0; at < FILES; at++) {
    const below = join(folder, `d${at % 7}`);
    if (at < 7) await mkdir(below, { recursive: true });
    await writeFile(join(below, `f${at}`), randomBytes(at), { mode: at % 2 === 0 ? 0o644 : 0o755 });
  }
  await writeFile(join(folder, "large"), randomBytes(20 * MIB));
  await jobx(1, "fs", "put", "-r", folder, "text:/in");
}, 120_000);

async function jobx(node: number, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.jobx(node, ...words);
  expect([words, code, stderr]).toEqual([words, 0, ""]);
  return stdout;
}

/** Fails where what is below a path of the volume is not what is below the local folder. */
async function checkSame(node: number, shared: string, name: string): Promise<string> {
  const got = join(cluster.folder, name);
  await jobx(node, "fs", "get", "-r", shared, got);
  await run("diff", ["-r", "--no-dereference", folder, got]);
  return got;
}

/** Blocks that have a file of their own, on all nodes. */
async function blocksOnDisks(): Promise<number> {
  const counts = [1, 2, 3].map(async (node) => {
    const at = join(cluster.home(node), "data/blocks/blocks");
    const sizes = (await readdir(at, { recursive: true })).map((name) =>
      // The collector deletes while this looks.
      stat(join(at, name)).then(
        (facts) => (facts.isFile() ? facts.size : 0),
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).filter((size) => size === MIB).length;
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

test("a snapshot outlives its folder, its blocks the collector and a node, and is restored byte for byte", async () => {
  await jobx(2, "fs", "snapshot", "text:/in", "--name", "s");
  const taken = await cluster.client(1).snapshots.show("text", "s");
  expect(taken).toMatchObject({ name: "s", path: "/in", files: FILES + 1, directories: 7 });
  const car = join(cluster.folder, "in.car");
  expect(await jobx(3, "fs", "export", "text:/in", "--car", car)).toContain(taken.cid);
  await jobx(1, "fs", "rm", "text:/in/d1/f1");
  await jobx(3, "fs", "rm", "-r", "text:/in/d2");
  await jobx(2, "fs", "put", join(folder, "d3/f3"), "text:/in/large");
  const diff = (await jobx(3, "fs", "diff", "text@s:/", "text:/in")).trimEnd().split("\n");
  expect(diff[0]).toMatch(/^- +1 B d1\/f1$/u);
  expect(diff).toContainEqual(expect.stringMatching(/^- +folder d2$/u));
  expect(diff.at(-1)).toMatch(new RegExp(`^~ +${20 * MIB} B -> 3 B large$`, "u"));
  await jobx(1, "fs", "rm", "-r", "text:/in");
  // What nothing refers to leaves the disks, so the collector has been at work since.
  const before = await blocksOnDisks();
  await writeFile(join(cluster.folder, "gone"), randomBytes(4 * MIB));
  await jobx(1, "fs", "put", join(cluster.folder, "gone"), "text:/gone");
  expect(await blocksOnDisks()).toBe(before + 8);
  await jobx(1, "fs", "rm", "text:/gone");
  await eventually("the collector deletes", COLLECT_MS_MAX, async () => {
    return (await blocksOnDisks()) === before;
  });
  const { number: scheduler } = await cluster.scheduler("text", 1);
  await cluster.kill(scheduler);
  const [one = 1, other = 2] = [1, 2, 3].filter((node) => node !== scheduler);
  await jobx(one, "fs", "restore", "text@s", "text:/back");
  const got = await checkSame(other, "text:/back", "back");
  expect((await stat(join(got, "d1/f1"))).mode & 0o777).toBe(0o755);
  expect(await jobx(other, "fs", "diff", "text@s:/", "text:/back")).toBe("");
  await jobx(one, "fs", "get", "text@s:/large", join(cluster.folder, "large"));
  expect(
    (await readFile(join(cluster.folder, "large"))).equals(await readFile(join(folder, "large"))),
  ).toBe(true);
  await cluster.start(scheduler);
  await checkSame(scheduler, "text@s:/", "again");
  await jobx(scheduler, "fs", "snapshots", "text@s", "--remove");
  expect(await jobx(one, "fs", "snapshots", "text")).toBe("");
}, 60_000);

test("what a file was is listed at one node, read at another and brought back, also when it was removed", async () => {
  await jobx(1, "fs", "quota", "text", "--versions", "5", "--versions-for", "1h");
  const [first, second] = [join(folder, "large"), join(folder, "d1/f8")];
  await jobx(1, "fs", "put", first, "text:/v/f", "-p");
  await jobx(2, "fs", "put", second, "text:/v/f");
  await jobx(3, "fs", "rm", "text:/v/f");
  const { versions } = await cluster.client(2).snapshots.history("text", "/v/f");
  expect(versions.map(({ bytes }) => bytes)).toEqual([8, 20 * MIB]);
  const to = join(cluster.folder, "old");
  await jobx(3, "fs", "get", "text:/v/f", to, "--version", String(versions[1]?.version));
  expect((await readFile(to)).equals(await readFile(first))).toBe(true);
  await jobx(2, "fs", "restore", "text:/v/f", "--version", String(versions[0]?.version));
  await jobx(1, "fs", "get", "text:/v/f", to);
  expect((await readFile(to)).equals(await readFile(second))).toBe(true);
  await jobx(1, "fs", "xattr", "set", "text:/v/f", "user.origin", "sensor 7");
  expect(await jobx(3, "fs", "xattr", "get", "text:/v/f", "user.origin")).toBe("sensor 7");
}, 60_000);
