/**
 * Files through a mount of a real cluster, beside the same program on the same disk, and a folder that is put
 * beside tar. Other processes work in the mount: this one must not hang with it.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { BenchOptions } from "./lib/options.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";
import { median } from "./lib/statistics.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const PROGRAM = join(import.meta.dirname, "lib/fs-program.py");

/** Rounds, each of which measures everything once; medians are shown. */
const ROUNDS = 3;

/** MiB of the large file, and of each of eight that are written at once. */
const LARGE_MIB = 512;
const STREAM_MIB = 128;

/** Small files that are made one by one; `--rows` says otherwise. */
const FILES = 800;

/** Files of the folder that is put at once. */
const PUT_FILES = 10_000;
const PUT_FILE_BYTES = 2_000;

/** Longer than the kernel goes by what it was told. */
const FORGET_MS = 1_500;

/** A program that hangs in a mount is ended. */
const PROGRAM_MS_MAX = 900_000;

/** What is asked of figures on one node; of three nodes only creates are asked for. */
const ASKED: Readonly<Record<string, number>> = {
  "sequential write": 350,
  "sequential read, first time": 800,
  "sequential read, again": 3500,
  "creates, one writer": 800,
  "stat, uncached": 10_000,
  "stat, cached": 300_000,
  "put of a folder": 15_000,
};
const ASKED_OF_THREE: Readonly<Record<string, number>> = {
  "creates, one writer": 300,
  "creates, 16 writers": 1500,
};

/** What limits each, by what the program does. */
const LIMITS: Readonly<Record<string, string>> = {
  "sequential write": "processor time: kernel, copies and hashes",
  "sequential read, first time": "blocks from the node's disk, verified",
  "sequential read, again": "the kernel's pages",
  "creates, one writer": "a synced commit each",
  "creates, 16 writers": "processor time of node and mount",
  "stat, uncached": "a read of the workflow's scheduler each",
  "stat, cached": "the kernel's attributes",
  "put of a folder": "processor time of the node",
};

type Measured = Map<string, number[]>;

/** `npm run bench -- fs [--nodes N] [--rows FILES]` */
export async function fs(options: BenchOptions): Promise<Table> {
  const before = loadNow();
  const nodes = options.nodes ?? 1;
  const files = options.rows ?? FILES;
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-fs-"));
  const mounted = new Map<string, number[]>();
  const local = new Map<string, number[]>();
  const memory: number[] = [];
  try {
    const api = await start(folder, nodes);
    await makeFolder(join(folder, "small"));
    for (let round = 0; round < ROUNDS; round += 1) {
      const disk = join(folder, `disk${round}`);
      await mkdir(disk);
      await measure(disk, files, { to: local, again: () => Promise.resolve() });
      const began = performance.now();
      await run("tar", ["cf", join(folder, "small.tar"), "-C", folder, "small"]);
      await run("sync", ["-d", join(folder, "small.tar")]);
      add(local, "put of a folder", PUT_FILES / ((performance.now() - began) / 1000));
      memory.push(await measureMounted(folder, { api, round, files, to: mounted }));
    }
  } finally {
    await unmount(folder).catch(() => undefined);
    await cluster(folder, "destroy");
    await rm(folder, { recursive: true, force: true });
  }
  const asked = nodes === 1 ? ASKED : ASKED_OF_THREE;
  return {
    name: "fs",
    caption:
      `files through a mount of ${nodes} node(s), medians of ${ROUNDS} rounds; ${LARGE_MIB} MiB in writes of 1 MiB, ` +
      `${files} files of 100 bytes, ${PUT_FILES} of ${PUT_FILE_BYTES} put at once. Durability: sync, closed and fsynced.`,
    baseline: "the same program on the local disk; tar for the put",
    figures: [
      ...[...mounted].map(([name, values]) => figureOf(name, { values, local, asked })),
      {
        name: "memory of the mount's server, 8 streams",
        value: median(memory),
        unit: "MB",
        floor: { bound: 200, how: "most" },
        note: `8 times ${STREAM_MIB} MiB at once`,
      },
    ],
    load: [before, loadNow()],
  };
}

function figureOf(
  name: string,
  of: {
    readonly values: readonly number[];
    readonly local: Measured;
    readonly asked: Readonly<Record<string, number>>;
  },
): Figure {
  const value = median([...of.values]);
  const base = of.local.get(name);
  const bound = of.asked[name];
  const note = LIMITS[name];
  return {
    ...{ name, value, unit: /^sequential/.test(name) ? "MiB/s" : "files/s" },
    ...(base && { ratio: value / median(base) }),
    ...(bound !== undefined && { floor: { bound, how: "least" } }),
    ...(note !== undefined && { note }),
  };
}

/** One round through a mount of its own folder; the memory of its server at its most, MB. */
async function measureMounted(
  folder: string,
  round: {
    readonly api: Env;
    readonly round: number;
    readonly files: number;
    readonly to: Measured;
  },
): Promise<number> {
  const { api, files, to } = round;
  let pid = await mount(folder, api);
  const at = join(folder, "mnt", `round${round.round}`);
  await run("mkdir", [at]);
  const again = async (): Promise<void> => {
    await unmount(folder);
    pid = await mount(folder, api);
  };
  await measure(at, files, { to, again });
  const put = join(folder, "small");
  const began = performance.now();
  await jobx(api, "fs", "put", "-r", put, `bench:/put${round.round}`);
  add(to, "put of a folder", PUT_FILES / ((performance.now() - began) / 1000));
  await again();
  await program("streams", at, STREAM_MIB);
  const [, most = "0"] =
    /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  await run("rm", ["-r", at], { timeout: PROGRAM_MS_MAX });
  await unmount(folder);
  return Number(most) / 1000;
}

/** What is measured alike in a mount and on the disk; `again` makes the kernel forget. */
async function measure(
  directory: string,
  files: number,
  { to, again }: { readonly to: Measured; readonly again: () => Promise<void> },
): Promise<void> {
  const { write } = await program("write", directory, LARGE_MIB);
  add(to, "sequential write", write);
  await again();
  const { first, again: second } = await program("read", directory, LARGE_MIB);
  add(to, "sequential read, first time", first);
  add(to, "sequential read, again", second);
  const { one, many } = await program("create", directory, files);
  add(to, "creates, one writer", one);
  add(to, "creates, 16 writers", many);
  await sleep(FORGET_MS);
  const { uncached, cached } = await program("stat", directory, files);
  add(to, "stat, uncached", uncached);
  add(to, "stat, cached", cached);
}

function add(to: Measured, name: string, value: number | undefined): void {
  to.set(name, [...(to.get(name) ?? []), value ?? Number.NaN]);
}

async function program(
  kind: string,
  directory: string,
  size: number,
): Promise<Readonly<Record<string, number>>> {
  const how = { timeout: PROGRAM_MS_MAX, killSignal: "SIGKILL" } as const;
  const { stdout } = await run("python3", [PROGRAM, kind, directory, String(size)], how);
  const said: unknown = JSON.parse(stdout);
  if (typeof said !== "object" || said === null) throw new Error(`${kind} said ${stdout}`);
  return Object.fromEntries(Object.entries(said).map(([name, value]) => [name, Number(value)]));
}

interface Env {
  readonly url: string;
  readonly token: string;
}

function cluster(folder: string, ...args: readonly string[]): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, JOBX_CLUSTER_DIR: join(folder, "cluster") };
  return run(join(ROOT, "scripts/cluster.sh"), [...args], { env });
}

/** Nodes, a workflow, and the folders that are needed. */
async function start(folder: string, nodes: number): Promise<Env> {
  await cluster(folder, "up", String(nodes));
  const { stdout } = await cluster(folder, "env");
  const [, url, token] = /JOBX_API=(\S+) JOBX_TOKEN=(\S+)/.exec(stdout) ?? [];
  if (url === undefined || token === undefined) throw new Error(`no address in ${stdout}`);
  await jobx({ url, token }, "workflow", "create", "bench");
  await mkdir(join(folder, "mnt"));
  return { url, token };
}

async function jobx({ url, token }: Env, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, JOBX_API: url, JOBX_TOKEN: token };
  const words = [join(ROOT, "bin/jobx.js"), ...args];
  return (await run(process.execPath, words, { env, timeout: PROGRAM_MS_MAX })).stdout;
}

/** The process id of its server. */
async function mount(folder: string, api: Env): Promise<number> {
  const place = ["bench:", join(folder, "mnt")];
  const said = await jobx(api, "fs", "mount", ...place, "--background", "--json");
  return Number(/"pid": ?(\d+)/.exec(said)?.[1]);
}

async function unmount(folder: string): Promise<void> {
  await run(process.execPath, [join(ROOT, "bin/jobx.js"), "fs", "unmount", join(folder, "mnt")]);
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder);
  for (let number = 0; number < PUT_FILES; number += 1) {
    await writeFile(join(folder, `f${number}`), `${number} `.padEnd(PUT_FILE_BYTES, "x"));
  }
}
