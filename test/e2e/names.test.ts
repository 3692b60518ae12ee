/** Copies, quotas and archives of a workflow's volume by the command line, each at another node. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CarReader } from "@ipld/car";
import { beforeAll, expect, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { NODE, ROOT } from "../lib/e2e-nodes.ts";

const MIB = 1024 * 1024;
const FILES = 500;
const cluster = useCluster(3);
const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  for (const workflow of ["text", "other"]) {
    await cluster.client(1).createWorkflow({ workflow });
    await cluster.scheduler(workflow, 1);
  }
  folder = join(cluster.folder, "names");
  for (let at = 0; at < FILES; at++) {
    const below = join(folder, `d${at % 7}`);
    if (at < 7) await mkdir(below, { recursive: true });
    await writeFile(join(below, `f${at}`), randomBytes(at), { mode: at % 2 === 0 ? 0o644 : 0o755 });
  }
  await writeFile(join(folder, "large"), randomBytes(20 * MIB));
  await jobx(1, "fs", "put", "-r", folder, "text:/in");
}, 120_000);

async function jobx(node: number, ...words: readonly string[]): Promise<string> {
  const env = { ...process.env, JOBX_API: cluster.api(node), JOBX_TOKEN: cluster.token };
  const { stdout } = await run(NODE, [join(ROOT, "bin/jobx.js"), ...words], { env });
  return stdout;
}

/** What a command that fails says. */
async function refusal(node: number, ...words: readonly string[]): Promise<string> {
  return jobx(node, ...words).then(
    () => "nothing",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/** Fails where what is below a path of the volume is not what is below the local folder. */
async function checkSame(node: number, shared: string, name: string): Promise<string> {
  const got = join(cluster.folder, name);
  await jobx(node, "fs", "get", "-r", shared, got);
  await run("diff", ["-r", "--no-dereference", folder, got]);
  return got;
}

test("a folder is copied at one node, read whole at another, and outlives the original", async () => {
  const copied: unknown = JSON.parse(
    await jobx(2, "fs", "cp", "-r", "text:/in", "text:/copy", "--json"),
  );
  expect(copied).toMatchObject({ path: "/copy", files: FILES + 1, directories: 7 });
  const got = await checkSame(3, "text:/copy", "copied");
  expect((await stat(join(got, "d1/f1"))).mode & 0o777).toBe(0o755);
  expect(await jobx(1, "fs", "diff", "text:/in", "text:/copy")).toBe("");
  await jobx(3, "fs", "rm", "text:/copy/d1/f1");
  expect(await jobx(1, "fs", "diff", "text:/in", "text:/copy")).toMatch(/^- +1 B d1\/f1\n$/u);
  await jobx(1, "fs", "cp", "text:/copy/large", "text:/large");
  await jobx(2, "fs", "rm", "-r", "text:/copy");
  const to = join(cluster.folder, "large");
  await jobx(3, "fs", "get", "text:/large", to);
  expect((await readFile(to)).equals(await readFile(join(folder, "large")))).toBe(true);
  await jobx(1, "fs", "cp", "-r", "text:/in", "other:/in");
  await checkSame(2, "other:/in", "across");
}, 120_000);

test("an archive of a folder is read by others, and taken in at another node it is the same folder", async () => {
  const car = join(cluster.folder, "in.car");
  const told = await jobx(2, "fs", "export", "text:/in", "--car", car, "--json");
  const reader = await CarReader.fromBytes(await readFile(car));
  const [root] = await reader.getRoots();
  expect(JSON.parse(told)).toMatchObject({ cid: root?.toString() });
  const put: unknown = JSON.parse(
    await jobx(3, "fs", "import", "--car", car, "other:/car", "--json"),
  );
  expect(put).toMatchObject({
    cid: root?.toString(),
    files: FILES + 1,
    copies: 2,
    copiesWanted: 2,
  });
  await checkSame(1, "other:/car", "from-car");
  const bytes = await readFile(car);
  const cut = join(cluster.folder, "cut.car");
  await writeFile(cut, bytes.subarray(0, bytes.length - 100));
  expect(await refusal(1, "fs", "import", "--car", cut, "other:/cut")).toContain(
    "FS_CAR_MALFORMED",
  );
  const names = await jobx(2, "fs", "ls", "other:/");
  expect(
    names
      .split("\n")
      .filter((name) => name !== "")
      .sort(),
  ).toEqual(["car/", "in/"]);
}, 120_000);

test("a quota that is set at one node refuses at the others what is above it, and a raised one does not", async () => {
  const { usedBytes } = await cluster.client(1).volumes.show("other");
  await jobx(1, "fs", "quota", "other", "--bytes", String(usedBytes + 1000));
  const small = join(cluster.folder, "small");
  await writeFile(small, randomBytes(900));
  await jobx(2, "fs", "put", small, "other:/small");
  expect(await refusal(3, "fs", "put", small, "other:/second")).toContain("FS_QUOTA");
  expect(await refusal(3, "fs", "cp", "other:/small", "other:/third")).toContain("FS_QUOTA");
  const space = await fetch(new URL("/v1/workflows/other/fs/space", cluster.api(3)), {
    headers: { authorization: `Bearer ${cluster.token}` },
  });
  expect(await space.json()).toMatchObject({
    quotaBytes: usedBytes + 1000,
    usedBytes: usedBytes + 900,
  });
  await jobx(2, "fs", "quota", "other", "--bytes", "none");
  await jobx(3, "fs", "put", small, "other:/second");
}, 60_000);
