/**
 * Folders that are put and got while a node is killed half way: the command says so or gets through, what was closed is
 * there, nothing is torn, and the same command once more does the rest.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { type ClusterNodes, NODE, ROOT } from "../lib/e2e-nodes.ts";
import { runProgram } from "../lib/e2e-process.ts";

const FILES = 1200;
const FOLDERS = 20;
/** All of them are far more than connections and pipes take while nobody reads. */
const FILE_BYTES = 24 * 1024;
const LARGE_BYTES = 20 << 20;
/** So many files are there when the node is killed, at least. */
const HALF = 180;
const STEP_MS_MAX = 60_000;

const cluster = useCluster(3);
let local: string;

beforeAll(async () => {
  local = join(cluster.folder, "local");
  for (let at = 0; at < FILES; at++) {
    const below = join(local, `d${at % FOLDERS}`);
    if (at < FOLDERS) await mkdir(below, { recursive: true });
    await writeFile(join(below, `f${at}`), randomBytes(FILE_BYTES + at));
  }
  await writeFile(join(local, "large"), randomBytes(LARGE_BYTES));
  await symlink("d1/f1", join(local, "link"));
  await cluster.client(1).createWorkflow({ workflow: "text" });
  await cluster.scheduler("text", 1);
  await put(1, "text:/whole");
});

// Also after a test that failed half way.
beforeEach(() => cluster.up(3));

/** A `jobx` that a test stops and lets go on. */
class Paused {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #said = "";

  constructor(of: ClusterNodes, node: number, ...args: readonly string[]) {
    const env = { ...process.env, JOBX_API: of.api(node), JOBX_TOKEN: of.token };
    const child = spawn(NODE, [join(ROOT, "bin/jobx.js"), ...args], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr.on("data", (text: Buffer) => {
      this.#said += text.toString();
    });
    this.#exit = once(child, "close");
    this.#child = child;
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
  }

  stop(): void {
    expect(this.#child.exitCode, "it is not done yet").toBe(null);
    this.#child.kill("SIGSTOP");
  }

  /** Goes on, to its end. */
  async finish(): Promise<{ readonly code: number | null; readonly said: string }> {
    this.#child.kill("SIGCONT");
    await this.#exit;
    return { code: this.#child.exitCode, said: this.#said };
  }
}

async function put(node: number, to: string): Promise<void> {
  const { code, stderr } = await cluster.jobx(node, "fs", "put", "-r", local, to);
  expect(stderr).toBe("");
  expect(code).toBe(0);
}

async function get(node: number, from: string, name: string): Promise<string> {
  const to = join(cluster.folder, name);
  expect(await cluster.jobx(node, "fs", "get", "-r", from, to)).toMatchObject({ code: 0 });
  return to;
}

/** Lines about what differs, or is in one of them only. */
async function differences(left: string, right: string): Promise<readonly string[]> {
  const args = ["-r", "--no-dereference", left, right];
  const { stdout } = await runProgram("diff", args, { env: process.env, msMax: STEP_MS_MAX });
  return stdout.split("\n").filter((line) => line !== "");
}

/** Stops it when the files of its first folder are in the volume. */
async function stopHalfWay(paused: Paused, node: number, path: string): Promise<void> {
  await eventually("half of the folder is there", STEP_MS_MAX, async () => {
    const at = { workflow: "text", path: `${path}/d0`, limit: 100 };
    const { entries } = await cluster.client(node).files.list(at);
    return entries.length === FILES / FOLDERS;
  });
  paused.stop();
}

/** Inodes of the volume. */
async function usedFiles(node: number): Promise<number> {
  const url = new URL("/v1/workflows/text/fs/volume", cluster.api(node));
  const answer = await fetch(url, { headers: { authorization: `Bearer ${cluster.token}` } });
  return Number(/"usedFiles": ?(\d+)/.exec(await answer.text())?.[1]);
}

/** What a put that broke off has left is that of the local folder, and less than all. */
async function expectPart(node: number, path: string): Promise<void> {
  const got = await get(node, `text:${path}`, `part-${path.slice(1)}`);
  const lines = await differences(local, got);
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => !line.startsWith(`Only in ${local}`))).toEqual([]);
  expect(await readdir(join(got, "d0"))).toHaveLength(FILES / FOLDERS);
}

test("a put whose own node is killed says so; what is there is whole, and another put at another node does the rest", async () => {
  const paused = new Paused(cluster, 2, "fs", "put", "-r", local, "text:/own");
  await stopHalfWay(paused, 1, "/own");
  await cluster.kill(2);
  const { code, said } = await paused.finish();
  expect(code).not.toBe(0);
  expect(said).toMatch(/^jobx: .*\S/u);
  await eventually("the others answer", STEP_MS_MAX, async () => {
    const at = { workflow: "text", path: "/own" };
    return (await cluster.client(3).files.stat(at)).type === "directory";
  });
  await expectPart(3, "/own");
  await put(3, "text:/own");
  expect(await differences(local, await get(1, "text:/own", "own"))).toEqual([]);
  await cluster.start(2);
  expect(await differences(local, await get(2, "text:/own", "own-again"))).toEqual([]);
});

test("an atomic put whose node is killed leaves nothing to see, and works the second time", async () => {
  const before = await usedFiles(1);
  const paused = new Paused(cluster, 2, "fs", "put", "-r", "--atomic", local, "text:/atomic");
  const half = async (): Promise<boolean> => (await usedFiles(1)) >= before + HALF;
  await eventually("it is on its way", STEP_MS_MAX, half);
  paused.stop();
  await cluster.kill(2);
  expect((await paused.finish()).code).not.toBe(0);
  const stat = await cluster.jobx([1, 3], "fs", "stat", "text:/atomic");
  expect(stat.code).not.toBe(0);
  expect(stat.stderr).toContain("FS_NOT_FOUND");
  const again = ["fs", "put", "-r", "--atomic", local, "text:/atomic"];
  expect(await cluster.jobx(1, ...again)).toMatchObject({ code: 0 });
  expect(await differences(local, await get(3, "text:/atomic", "atomic"))).toEqual([]);
  await cluster.start(2);
});

test("a put outlives the node that leads the workflow, or says what became of it", async () => {
  const { number: leader } = await cluster.scheduler("text", 1);
  const [node = 1, other = 2] = [1, 2, 3].filter((one) => one !== leader);
  const paused = new Paused(cluster, node, "fs", "put", "-r", local, "text:/led");
  await stopHalfWay(paused, other, "/led");
  await cluster.kill(leader);
  const { code, said } = await paused.finish();
  if (code !== 0) {
    expect(said).toMatch(/^jobx: .*\d+ files were put/u);
    await expectPart(other, "/led");
    await put(other, "text:/led");
  }
  expect(await differences(local, await get(other, "text:/led", "led"))).toEqual([]);
  await cluster.start(leader);
});

/** Stops it when so many files are in its local folder. */
async function stopGet(paused: Paused, folder: string): Promise<void> {
  await eventually("half of it is got", STEP_MS_MAX, async () => {
    const names = await readdir(folder, { recursive: true });
    return names.length >= HALF ? names.length : undefined;
  });
  paused.stop();
}

test("a get whose own node is killed says so and leaves no torn file, and the same at another node does the rest", async () => {
  const to = join(cluster.folder, "got-own");
  const paused = new Paused(cluster, 2, "fs", "get", "-r", "text:/whole", to);
  await stopGet(paused, to);
  await cluster.kill(2);
  const { code, said } = await paused.finish();
  expect(code).not.toBe(0);
  expect(said).toContain("broke off");
  const lines = await differences(local, to);
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => !line.startsWith(`Only in ${local}`))).toEqual([]);
  expect(await cluster.jobx(3, "fs", "get", "-r", "text:/whole", to)).toMatchObject({ code: 0 });
  expect(await differences(local, to)).toEqual([]);
  await cluster.start(2);
});

test("a get goes on when another node is killed that has its files", async () => {
  const to = join(cluster.folder, "got-other");
  const paused = new Paused(cluster, 3, "fs", "get", "-r", "text:/whole", to);
  await stopGet(paused, to);
  await cluster.kill(1);
  expect(await paused.finish()).toMatchObject({ code: 0 });
  expect(await differences(local, to)).toEqual([]);
  await cluster.start(1);
});
