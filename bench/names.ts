/**
 * A folder of very many names on real nodes: made by one archive, listed by the command line and through a mount,
 * changed at its usual speed, kept as a snapshot, and removed. Memory of node and mount is what it is about.
 */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { TAR_END, tarHeader } from "../src/api/tar/tar-writer.ts";
import { concatBytes } from "../src/std/bytes.ts";
import type { BenchOptions } from "./lib/options.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");

/** Names in the folder; `--rows` says otherwise. */
const NAMES = 1_000_000;

/** Members of the archive that are sent at once. */
const MEMBERS_AT_ONCE = 500;

/** Files that are made, renamed and removed one by one, in the folder and in an empty one. */
const CHANGES = 100;

/** Whatever takes longer is ended. */
const STEP_MS_MAX = 3_600_000;

/** Memory of a node and of a mount, MB. */
const NODE_MB = 1_000;
const MOUNT_MB = 200;

interface Env {
  readonly url: string;
  readonly token: string;
}

interface Bench {
  readonly folder: string;
  readonly api: Env;
  readonly node: number;
  readonly names: number;
  readonly figures: Figure[];
}

/** `npm run bench -- names [--nodes N] [--rows NAMES]` */
export async function names(options: BenchOptions): Promise<Table> {
  const before = loadNow();
  const nodes = options.nodes ?? 1;
  const count = options.rows ?? NAMES;
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-names-"));
  const figures: Figure[] = [];
  try {
    const { api, node } = await start(folder, nodes);
    const bench = { folder, api, node, names: count, figures };
    for (const step of [make, list, listMounted, change, snapshot, remove]) await step(bench);
  } finally {
    await unmount(folder).catch(() => undefined);
    await cluster(folder, "destroy");
    await rm(folder, { recursive: true, force: true });
  }
  return {
    name: "names",
    caption: `${count} names in one folder of ${nodes} node(s); memory is the most since the step began. Durability: synced.`,
    baseline: "the same changes in an empty folder",
    figures,
    load: [before, loadNow()],
  };
}

async function make(bench: Bench): Promise<void> {
  const { url, token } = bench.api;
  await measured(bench, { name: "made by one archive", names: bench.names }, async () => {
    const response = await fetch(`${url}/v1/workflows/bench/fs/tree?path=/many`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/x-tar" },
      body: ReadableStream.from(archive(bench.names)),
      duplex: "half",
    });
    const said = await response.text();
    if (!response.ok) throw new Error(`the archive was refused: ${said}`);
  });
}

/** Empty files whose names come in no order of a folder's rows. */
async function* archive(count: number): AsyncGenerator<Uint8Array> {
  const common = { kind: "file", bytes: 0, mode: 0o644, mtimeMicros: 0 } as const;
  for (let from = 0; from < count; from += MEMBERS_AT_ONCE) {
    const length = Math.min(MEMBERS_AT_ONCE, count - from);
    yield concatBytes(
      Array.from({ length }, (_, at) => tarHeader({ ...common, path: nameOf(from + at) })),
    );
  }
  yield await Promise.resolve(TAR_END);
}

function nameOf(number: number): string {
  return `${createHash("sha256").update(`${number}`).digest("hex").slice(0, 12)}-${number}`;
}

async function list(bench: Bench): Promise<void> {
  const peak = { mb: 0 };
  await measured(bench, { name: "listed by the command line", names: bench.names }, async () => {
    const words = [join(ROOT, "bin/jobx.js"), "fs", "ls", "bench:/many"];
    const child = spawn(process.execPath, words, { env: envOf(bench.api) });
    let lines = 0;
    for await (const part of child.stdout) {
      lines += Buffer.from(part).filter((byte) => byte === 10).length;
      peak.mb = Math.max(peak.mb, await highWaterMb(child.pid).catch(() => 0));
    }
    if (lines !== bench.names) throw new Error(`listed ${lines} names`);
  });
  bench.figures.push({ name: "memory of the command line", value: peak.mb, unit: "MB" });
}

async function listMounted(bench: Bench): Promise<void> {
  const pid = await mount(bench.folder, bench.api);
  const at = join(bench.folder, "mnt", "many");
  await measured(bench, { name: "listed through the mount", names: bench.names }, async () => {
    const { stdout } = await run("sh", ["-c", `ls -f "$1" | wc -l`, "sh", at], {
      timeout: STEP_MS_MAX,
      killSignal: "SIGKILL",
    });
    // With "." and "..".
    if (Number(stdout) !== bench.names + 2) throw new Error(`listed ${stdout.trim()} names`);
  });
  const value = await highWaterMb(pid);
  const floor = { bound: MOUNT_MB, how: "most" } as const;
  bench.figures.push({ name: "memory of the mount's server", value, unit: "MB", floor });
  await unmount(bench.folder);
}

async function change(bench: Bench): Promise<void> {
  await jobx(bench.api, "fs", "mkdir", "bench:/few");
  for (const [verb, body] of Object.entries(CHANGED)) {
    const rate = async (directory: string): Promise<number> => {
      const began = performance.now();
      for (let number = 0; number < CHANGES; number += 1) {
        await body(bench.api, `/${directory}/0-${number}`);
      }
      return CHANGES / ((performance.now() - began) / 1000);
    };
    const few = await rate("few");
    const many = await rate("many");
    bench.figures.push({ name: `${verb} in it`, value: many, unit: "names/s", ratio: many / few });
  }
}

const CHANGED: Readonly<Record<string, (api: Env, path: string) => Promise<void>>> = {
  created: (api, path) => call(api, "PUT", `file?path=${path}`),
  renamed: (api, path) => call(api, "POST", "rename", { from: path, to: `${path}-renamed` }),
  removed: (api, path) => call(api, "POST", "remove", { path: `${path}-renamed` }),
};

async function snapshot(bench: Bench): Promise<void> {
  await measured(bench, { name: "kept as a snapshot", names: bench.names }, async () => {
    await jobx(bench.api, "fs", "snapshot", "bench:/many", "--name", "kept");
  });
  await measured(bench, { name: "snapshot removed", names: bench.names }, async () => {
    await call(bench.api, "DELETE", "snapshots/kept");
    await swept(bench, bench.names);
  });
}

async function remove(bench: Bench): Promise<void> {
  const began = performance.now();
  await jobx(bench.api, "fs", "rm", "-r", "bench:/many");
  const seconds = (performance.now() - began) / 1000;
  bench.figures.push({ name: "removed, until it is not seen", value: seconds, unit: "s" });
  await measured(bench, { name: "removed, until nothing is left", names: bench.names }, () =>
    swept(bench, 0),
  );
}

/** Until a volume has hardly more inodes than so many. */
async function swept({ api }: Bench, inodes: number): Promise<void> {
  for (;;) {
    const volume: unknown = JSON.parse(await jobx(api, "fs", "quota", "bench", "--json"));
    const used = Number(/"usedFiles": ?(\d+)/.exec(JSON.stringify(volume))?.[1]);
    if (used <= inodes + 10) return;
    if (Number.isNaN(used)) throw new Error("the volume does not say how many files it has");
    await sleep(500);
  }
}

async function measured(
  { node, figures }: Bench,
  { name, names: count }: { readonly name: string; readonly names: number },
  step: () => Promise<void>,
): Promise<void> {
  // The kernel forgets the most that there was.
  await writeFile(`/proc/${node}/clear_refs`, "5");
  const began = performance.now();
  await step();
  const value = count / ((performance.now() - began) / 1000);
  figures.push({ name, value, unit: "names/s" });
  const mb = await highWaterMb(node);
  const floor = { bound: NODE_MB, how: "most" } as const;
  figures.push({ name: "  memory of the node", value: mb, unit: "MB", floor });
  console.error(`${name}: ${value.toFixed(0)} names/s, ${mb.toFixed(0)} MB`);
}

async function highWaterMb(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1000;
}

async function call(api: Env, method: string, path: string, body?: unknown): Promise<void> {
  const response = await fetch(`${api.url}/v1/workflows/bench/fs/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${api.token}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const said = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${said}`);
}

function envOf({ url, token }: Env): NodeJS.ProcessEnv {
  return { ...process.env, JOBX_API: url, JOBX_TOKEN: token };
}

function cluster(folder: string, ...args: readonly string[]): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, JOBX_CLUSTER_DIR: join(folder, "cluster") };
  return run(join(ROOT, "scripts/cluster.sh"), [...args], { env });
}

async function start(
  folder: string,
  nodes: number,
): Promise<{ readonly api: Env; readonly node: number }> {
  await cluster(folder, "up", String(nodes));
  const { stdout } = await cluster(folder, "env");
  const [, url, token] = /JOBX_API=(\S+) JOBX_TOKEN=(\S+)/.exec(stdout) ?? [];
  if (url === undefined || token === undefined) throw new Error(`no address in ${stdout}`);
  await jobx({ url, token }, "workflow", "create", "bench");
  await mkdir(join(folder, "mnt"));
  const [pid] = (await readFile(join(folder, "cluster/node-1/pid"), "utf8")).split(" ");
  return { api: { url, token }, node: Number(pid) };
}

async function jobx(api: Env, ...args: readonly string[]): Promise<string> {
  const words = [join(ROOT, "bin/jobx.js"), ...args];
  return (await run(process.execPath, words, { env: envOf(api), timeout: STEP_MS_MAX })).stdout;
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
