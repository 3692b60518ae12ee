/** A real node in a process of its own, whose surfaces are fuzzed, and whether it is still well. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asRecord, textOf } from "../../../scripts/lib/json.ts";

const ROOT = join(import.meta.dirname, "../../..");
const START_MS_MAX = 60_000;
const SERVED_MS_MAX = 20_000;

/** Resident memory that a node with nothing to do may have after any batch. */
const RSS_BYTES_MAX = 700 * 1024 * 1024;

/** A node, and where it is reached. */
export interface FuzzedNode {
  readonly process: ChildProcess;
  readonly api: { readonly host: string; readonly port: number };
  readonly meshPort: number;
  readonly token: string;
  readonly log: () => string;
  stop(): Promise<void>;
}

/** Founds a cluster of one node on free ports of loopback. */
export async function startNode(): Promise<FuzzedNode> {
  const folder = mkdtempSync(join(tmpdir(), "jobx-fuzz-node-"));
  const [mesh, api] = [await freePort(), await freePort()];
  const path = join(folder, "log");
  const log = openSync(path, "a");
  const args = ["--data", join(folder, "data"), "--name", "fuzzed", "--legacy-http", "quiet"];
  const places = ["--listen", `/ip4/127.0.0.1/tcp/${mesh}`, "--api", `127.0.0.1:${api}`];
  const child = spawn(process.execPath, [join(ROOT, "src/node/main.ts"), ...args, ...places], {
    stdio: ["ignore", log, log],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const readLog = (): string => readFileSync(path, "utf8");
  const endMs = performance.now() + START_MS_MAX;
  while (!(await isReady(api))) {
    if (performance.now() < endMs && child.exitCode === null) await sleep(100);
    else {
      const text = readLog();
      await stop();
      throw new Error(`the node did not start:\n${text.slice(-2_000)}`);
    }
  }
  const token = readFileSync(join(folder, "data/admin-token"), "utf8").trim();
  const node = { process: child, api: { host: "127.0.0.1", port: api }, meshPort: mesh, token };
  return { ...node, log: readLog, stop };
}

/** One call of the node's API, as an honest client makes it. @throws {Error} when it is not answered well. */
export async function ask(
  node: FuzzedNode,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { host, port } = node.api;
  const answer = await fetch(`http://${host}:${port}${path}`, {
    method,
    headers: { authorization: `Bearer ${node.token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(SERVED_MS_MAX),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`);
  return text === "" ? undefined : JSON.parse(text);
}

/** @throws {Error} when the node is gone, too large, or does not serve a second client. */
export async function checkWell(node: FuzzedNode): Promise<void> {
  const { exitCode, signalCode, pid } = node.process;
  if (exitCode !== null || signalCode !== null)
    throw new Error(`the node ended with ${exitCode ?? signalCode}:\n${node.log().slice(-3_000)}`);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = Number(/^VmRSS:\s+(\d+) kB$/mu.exec(status)?.[1]);
  if (!(kib * 1024 < RSS_BYTES_MAX)) throw new Error(`the node takes ${kib} KiB`);
  // Through the logs and back: neither its groups, the system group with them, nor its API stand still.
  await ask(node, "PUT", "/v1/workflows/quiet", { description: `${performance.now()}` });
  const token = asRecord(await ask(node, "POST", "/v1/tokens", { role: "read" }), "a token");
  await ask(node, "DELETE", `/v1/tokens/${textOf(token, "id")}`);
  // A claim of a higher term may unseat a leader for a moment, but only for that.
  const endMs = performance.now() + SERVED_MS_MAX;
  while (!(await isReady(node.api.port))) {
    if (performance.now() < endMs) await sleep(100);
    else throw new Error(`the node is not ready:\n${node.log().slice(-3_000)}`);
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
