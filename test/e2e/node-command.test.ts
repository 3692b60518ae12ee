/** `jobx-node` as a program: what it says about its configuration, and a cluster of one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { loadOrCreateKey, peerIdOf } from "../../src/mesh/keys.ts";
import { printTicket } from "../../src/node/ticket-text.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { runProgram } from "../lib/e2e-process.ts";

const ROOT = join(import.meta.dirname, "../..");
const NODE = join(ROOT, "node_modules/.bin/node");
const PROGRAM = join(ROOT, "bin/jobx-node.js");
const RUN_MS_MAX = 30_000;
const BUILD_MS_MAX = 120_000;
/** What a cluster of one may take to be ready on a machine that does nothing else. */
const READY_MS = 2_000;
/** Starts whose quickest counts: others use the machine as well. */
const STARTS = 5;
/**
 * On a busy machine even a start that is refused takes long, which does little but load the program: one may
 * take so many times as long. On an idle one this is less than `READY_MS`.
 */
const LOADS = 3;

const folder = mkdtempSync(join(tmpdir(), "jobx-node-"));
const children: ChildProcess[] = [];
beforeAll(async () => {
  const built = await runProgram(NODE, [join(ROOT, "scripts/build.mjs")], {
    env: process.env,
    msMax: BUILD_MS_MAX,
  });
  if (built.code !== 0) throw new Error(`the build failed: ${built.stderr}`);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("JOBX_")));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

interface Alone {
  readonly child: ChildProcess;
  readonly readyMs: number;
  readonly id: string;
  readonly nodes: readonly string[];
}

/** Starts a node and waits until it is ready. */
async function startAlone(data: string): Promise<Alone> {
  const port = await freePort();
  const startMs = performance.now();
  const args = ["--data", data, "--api", `127.0.0.1:${port}`, "--listen", "/ip4/127.0.0.1/tcp/0"];
  const child = spawn(NODE, [PROGRAM, ...args], { env: environment(), stdio: "ignore" });
  children.push(child);
  const api = `http://127.0.0.1:${port}`;
  await eventually("the node is ready", RUN_MS_MAX, async () => (await fetch(`${api}/readyz`)).ok);
  const readyMs = performance.now() - startMs;
  const token = readFileSync(join(data, "admin-token"), "utf8").trim();
  const headers = { authorization: `Bearer ${token}` };
  const text = await (await fetch(`${api}/v1/nodes`, { headers })).text();
  const nodes = [...text.matchAll(/"id":"([^"]+)"/g)].map((match) => match[1] ?? "");
  return { child, readyMs, id: nodes[0] ?? "", nodes };
}

async function stop(child: ChildProcess): Promise<readonly unknown[]> {
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  return exit;
}

test("alone it is a complete cluster of one within two seconds, and stops with 0", async () => {
  const times: number[] = [];
  const loads: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    const alone = await startAlone(join(folder, `fresh-${start}`));
    times.push(alone.readyMs);
    const loadMs = performance.now();
    const refused = [PROGRAM, "--data", join(PROGRAM, "no-directory")];
    await runProgram(NODE, refused, { env: environment(), msMax: RUN_MS_MAX });
    loads.push(performance.now() - loadMs);
    expect(alone.nodes).toHaveLength(1);
    expect(await stop(alone.child)).toEqual([0, null]);
  }
  const whole = (of: readonly number[]): string => of.map(Math.round).join(", ");
  expect(
    Math.min(...times),
    `ready after ${whole(times)} ms, a refused start after ${whole(loads)} ms`,
  ).toBeLessThan(Math.max(READY_MS, LOADS * Math.min(...loads)));
});

test("with its data directory it comes back as itself, with an empty one as somebody else", async () => {
  const data = join(folder, "kept");
  const first = await startAlone(data);
  const key = statSync(join(data, "node-key"));
  expect(key.mode & 0o777).toBe(0o600);
  await stop(first.child);
  const again = await startAlone(data);
  expect(again.id).toBe(first.id);
  await stop(again.child);
  const other = await startAlone(join(folder, "empty"));
  expect(other.id).not.toBe(first.id);
});

test("the command line finds the node by its data directory alone", async () => {
  const data = join(folder, "found");
  const { id } = await startAlone(data);
  expect(statSync(join(data, "api")).mode & 0o777).toBe(0o600);
  const env = { ...environment(), JOBX_DATA: data };
  const args = [join(ROOT, "bin/jobx.js"), "node", "list", "--json"];
  const ended = await runProgram(NODE, args, { env, msMax: RUN_MS_MAX });
  expect([ended.code, ended.stdout]).toEqual([0, expect.stringContaining(id)]);
});

test("a mesh port that is taken ends it with 1 and one line with the address", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const taken = `/ip4/127.0.0.1/tcp/${address.port}`;
  const args = [PROGRAM, "--data", join(folder, "deaf"), "--listen", taken];
  const options = { env: environment(), msMax: RUN_MS_MAX };
  const ended = await runProgram(NODE, [...args, "--api", "127.0.0.1:0"], options);
  other.close();
  const last = ended.stderr.trimEnd().split("\n").at(-1) ?? "";
  expect(ended.code).toBe(1);
  expect(last).toContain(`jobx-node: MESH_LISTEN_FAILED: cannot listen on ${taken}: `);
});

test("a second node with the same data directory is refused", async () => {
  const data = join(folder, "locked");
  await startAlone(data);
  const args = [PROGRAM, "--data", data, "--listen", "", "--api", "127.0.0.1:0"];
  const second = await runProgram(NODE, args, { env: environment(), msMax: RUN_MS_MAX });
  expect(second.code).toBe(1);
  expect(second.stderr).toContain("NODE_DATA_LOCKED");
});

test("a node that is told to stop while it starts still stops as planned", async () => {
  const data = join(folder, "early");
  const args = [PROGRAM, "--data", data, "--listen", "", "--api", "127.0.0.1:0"];
  const child = spawn(NODE, args, { env: environment(), stdio: "ignore" });
  children.push(child);
  await eventually("the start has begun", RUN_MS_MAX, () =>
    Promise.resolve(existsSync(join(data, "lock"))),
  );
  expect(await stop(child)).toEqual([0, null]);
});

test("a node that waits for the cluster that it is to join stops when it is told to", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const member = peerIdOf(await loadOrCreateKey(join(folder, "member-key")));
  const ticket = printTicket({
    id: "t",
    clusterId: "c",
    secret: new Uint8Array(32),
    addresses: [`/ip4/127.0.0.1/tcp/${address.port}/p2p/${member}`],
  });
  const env = { ...environment(), JOBX_JOIN: ticket };
  const args = [PROGRAM, "--data", join(folder, "joins"), "--listen", "", "--api", "127.0.0.1:0"];
  const child = spawn(NODE, args, { env, stdio: "ignore" });
  children.push(child);
  await once(silent, "connection");
  expect(await stop(child)).toEqual([0, null]);
  silent.close();
});

test("a mistyped option ends it with 1 and one sentence that suggests another", async () => {
  const args = [PROGRAM, "--slotz", "3"];
  const ended = await runProgram(NODE, args, { env: environment(), msMax: RUN_MS_MAX });
  expect(ended).toEqual({
    code: 1,
    stdout: "",
    stderr:
      "jobx-node: CONFIG_KEY_UNKNOWN: --slotz: there is no option slotz; did you mean slots?\n",
  });
});

test("--print-config says what is in force and who said so, and never a ticket", async () => {
  const env = { ...environment(), JOBX_SLOTS: "3", JOBX_JOIN: "jobx1-secret" };
  const args = [PROGRAM, "--data", folder, "--print-config", "--json"];
  const ended = await runProgram(NODE, args, { env, msMax: RUN_MS_MAX });
  const shown: unknown = JSON.parse(ended.stdout);
  expect(shown).toMatchObject({
    data: { value: folder, source: "--data" },
    slots: { value: "3", source: "JOBX_SLOTS" },
    durability: { value: "sync", source: "default" },
    join: { value: "(given, not shown)", source: "JOBX_JOIN" },
  });
  expect(ended.stdout).not.toContain("jobx1-secret");
});
