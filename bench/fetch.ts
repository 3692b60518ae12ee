/** Blocks between two nodes: a file that only the other one has is read, and then copied. */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BenchOptions } from "./lib/options.ts";
import { plainTransfer } from "./lib/plain-transfer.ts";
import { loadNow, type Table } from "./lib/report.ts";
import { median } from "./lib/statistics.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");

/** Reads, each of which has one of plain TCP beside it; medians are shown. */
const ROUNDS = 5;

/** MiB of the file; `--rows` says otherwise. */
const FILE_MIB = 256;
const MIB = 1024 * 1024;

/** A rate that does not limit. */
const HEAL_RATE = "10GiB";

/** What is asked, MB/s. */
const ASKED = 150;

const MS_MAX = 600_000;

interface Env {
  readonly url: string;
  readonly token: string;
}

/** `npm run bench -- fetch [--rows MIB]` */
export async function fetchBench(options: BenchOptions): Promise<Table> {
  const before = loadNow();
  const mib = options.rows ?? FILE_MIB;
  const folder = await mkdtemp(join(tmpdir(), "jobx-bench-fetch-"));
  const reads: number[] = [];
  const plain: number[] = [];
  try {
    const file = join(folder, "file");
    const content = randomBytes(mib * MIB);
    const sha256 = createHash("sha256").update(content).digest("hex");
    await writeFile(file, content);
    const reader = await start(folder, file);
    const rate = (ms: number): number => content.length / 1000 / ms;
    for (let round = 0; round < ROUNDS; round++) {
      plain.push(rate(await plainTransfer(file, undefined)));
      reads.push(rate(await readFrom(reader, { bytes: content.length, sha256 })));
    }
    const kept = join(folder, "kept");
    await mkdir(kept);
    const written = rate(await plainTransfer(file, kept));
    await jobx(reader, "fs", "quota", "bench", "--copies", "2");
    const began = performance.now();
    await jobx(reader, "fs", "heal", "bench");
    const healed = rate(performance.now() - began);
    const [read, base] = [median(reads), median(plain)];
    return {
      name: "fetch",
      caption: `a file of ${mib} MiB from the one node that has it to another, medians of ${ROUNDS}. Durability: sync.`,
      baseline:
        "the same bytes over plain TCP, hashed on both sides, and for healing written and synced by the MiB",
      figures: [
        {
          ...{ name: "remote read over HTTP", value: read, unit: "MB/s", ratio: read / base },
          floor: { bound: ASKED, how: "least" },
          note: "processor time of both nodes: encryption, hashing",
        },
        { name: "plain TCP", value: base, unit: "MB/s" },
        { name: "healing", value: healed, unit: "MB/s", ratio: healed / written },
        { name: "plain TCP, written and synced", value: written, unit: "MB/s" },
      ],
      load: [before, loadNow()],
    };
  } finally {
    await cluster(folder, "destroy");
    await rm(folder, { recursive: true, force: true });
  }
}

/** One node gets the file before there is another; that one is told. */
async function start(folder: string, file: string): Promise<Env> {
  await cluster(folder, "up", "1");
  const { stdout } = await cluster(folder, "env");
  const [, url, token] = /JOBX_API=(\S+) JOBX_TOKEN=(\S+)/.exec(stdout) ?? [];
  if (url === undefined || token === undefined) throw new Error(`no address in ${stdout}`);
  const first = { url, token };
  await jobx(first, "workflow", "create", "bench");
  await jobx(first, "fs", "quota", "bench", "--copies", "1");
  await jobx(first, "fs", "put", file, "bench:/file");
  await cluster(folder, "up", "2");
  const ports = await readFile(join(folder, "cluster/node-2/ports"), "utf8");
  return { url: `http://127.0.0.1:${ports.trim().split(" ")[1] ?? ""}`, token };
}

/** Ms. */
async function readFrom(
  { url, token }: Env,
  wanted: { readonly bytes: number; readonly sha256: string },
): Promise<number> {
  const began = performance.now();
  const headers = { authorization: `Bearer ${token}`, "jobx-deadline-ms": "60000" };
  const answer = await fetch(`${url}/v1/workflows/bench/fs/file?path=/file`, { headers });
  if (answer.body === null || !answer.ok) throw new Error(`answered with ${answer.status}`);
  const parts: Uint8Array[] = [];
  for await (const part of answer.body) {
    if (part instanceof Uint8Array) parts.push(part);
  }
  const ms = performance.now() - began;
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  if (hash.digest("hex") !== wanted.sha256) throw new Error("not what was put");
  return ms;
}

function cluster(folder: string, ...args: readonly string[]): Promise<{ readonly stdout: string }> {
  const own = { JOBX_CLUSTER_DIR: join(folder, "cluster") };
  const env = { ...process.env, ...own, JOBX_NODE_ARGS: `--heal-rate ${HEAL_RATE}` };
  return run(join(ROOT, "scripts/cluster.sh"), [...args], { env });
}

async function jobx({ url, token }: Env, ...args: readonly string[]): Promise<void> {
  const env = { ...process.env, JOBX_API: url, JOBX_TOKEN: token };
  await run(process.execPath, [join(ROOT, "bin/jobx.js"), ...args], { env, timeout: MS_MAX });
}
