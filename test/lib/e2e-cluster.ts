/** Real nodes in processes of their own, started and harmed through `scripts/cluster.sh`. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, onTestFinished } from "vitest";
import type { AttemptView } from "../../src/api/attempt-view.ts";
import type { JobxClient } from "../../src/api/client.ts";
import type { RequestView } from "../../src/api/ports.ts";
import { eventually } from "./e2e-eventually.ts";
import { ClusterNodes, NODE, numberOf, ROOT } from "./e2e-nodes.ts";
import { runProgram } from "./e2e-process.ts";

const SCRIPT = join(ROOT, "scripts/cluster.sh");
/** Starting or stopping nodes; each of its steps has a bound of its own in the script. */
const SCRIPT_MS_MAX = 170_000;
/** All attempts of a test's request fit in one answer. */
const ATTEMPTS_MAX = 10_000;
/** Lines of each node's log that are shown after a failure. */
const LOG_LINES = 40;

/** A cluster with a folder of its own. Nodes are numbered from 1, as the script does. */
export class Cluster extends ClusterNodes {
  override readonly folder: string;
  /** Further flags of nodes that the script starts. */
  readonly #nodeArgs: string | undefined;
  readonly #adopted = new Map<number, ChildProcess>();
  readonly #programs = new Map<number, string>();

  constructor(options: { readonly nodeArgs?: string } = {}) {
    super();
    this.#nodeArgs = options.nodeArgs;
    this.folder = mkdtempSync(join(tmpdir(), "jobx-e2e-"));
  }

  /** Makes sure that the nodes 1 to `count` run. */
  async up(count: number): Promise<void> {
    await this.script("up", String(count));
  }

  /** Runs a command of the script. @throws {Error} with what it said when it fails. */
  async script(...args: readonly string[]): Promise<string> {
    const directory = { JOBX_CLUSTER_DIR: join(this.folder, "cluster") };
    const more = this.#nodeArgs === undefined ? {} : { JOBX_NODE_ARGS: this.#nodeArgs };
    const env = { ...process.env, ...directory, ...more };
    const { code, stdout, stderr } = await runProgram(SCRIPT, args, { env, msMax: SCRIPT_MS_MAX });
    if (code === 0) return stdout;
    throw new Error(`cluster.sh ${args.join(" ")} exited with ${code}: ${stderr}`);
  }

  /** SIGKILL, as a crash: returns when the processes are gone. */
  kill(...numbers: readonly number[]): Promise<string> {
    return this.script("kill", ...numbers.map(String));
  }

  /** Starts what was killed and returns when it is ready. */
  async start(...numbers: readonly number[]): Promise<void> {
    await this.script("start", ...numbers.map(String));
    await this.script("wait");
  }

  override api(number: number): string {
    return `http://127.0.0.1:${this.#ports(number).api}`;
  }

  /** Where a node listens for other nodes. */
  meshPort(number: number): number {
    return this.#ports(number).mesh;
  }

  override home(number: number): string {
    return join(this.folder, "cluster", `node-${number}`);
  }

  /** Takes a stopped node's databases away and leaves its key: the disk was replaced. */
  async loseStore(number: number): Promise<void> {
    for (const name of ["log", "state", "MARK", "identity.json"])
      await rm(join(this.home(number), "data", name), { recursive: true });
  }

  /** Starts a new node that joins through node 1, whatever has become of the others. */
  async join(number: number): Promise<void> {
    await this.launchNewcomer(number);
    await this.ready(number);
  }

  /** As `join`, for a node that may not be let in. */
  async launchNewcomer(number: number): Promise<ChildProcess> {
    await mkdir(this.home(number));
    await writeFile(join(this.home(number), "ports"), (await freePorts()).join(" "));
    const { ticket } = await this.client(1).createTicket({});
    return this.launch(number, "--join", ticket);
  }

  /** What this process starts the node as from now on, instead of `bin/jobx-node.js`. */
  install(number: number, program: string | undefined): void {
    if (program === undefined) this.#programs.delete(number);
    else this.#programs.set(number, program);
  }

  /** Starts a stopped node as a child of this process, so that its exit code is seen. */
  async adopt(number: number, ...more: readonly string[]): Promise<ChildProcess> {
    const child = this.launch(number, ...more);
    await this.ready(number);
    return child;
  }

  /** As `adopt`, for a node that may never be ready. */
  launch(number: number, ...more: readonly string[]): ChildProcess {
    const { api, mesh } = this.#ports(number);
    const home = this.home(number);
    const log = openSync(join(home, "log"), "a");
    const flags = ["--data", join(home, "data"), "--name", `node-${number}`];
    const places = ["--listen", `/ip4/127.0.0.1/tcp/${mesh}`, "--api", `127.0.0.1:${api}`];
    const program = this.#programs.get(number) ?? join(ROOT, "bin/jobx-node.js");
    const args = [program, ...flags, ...places, ...more];
    const child = spawn(NODE, args, { cwd: home, stdio: ["ignore", log, log] });
    this.#adopted.set(number, child);
    return child;
  }

  /** SIGKILL for a node that is a child of this process; returns when it is gone. */
  async killAdopted(number: number): Promise<void> {
    const child = this.#adopted.get(number);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  /** The ends of the nodes' logs, for whoever reads a failure. */
  async logs(): Promise<string> {
    const texts: string[] = [];
    for (const line of (await this.script("status")).split("\n").filter((one) => one !== "")) {
      const number = numberOf(line.split(" ")[0] ?? "");
      const log = readFileSync(join(this.home(number), "log"), "utf8")
        .trimEnd()
        .split("\n");
      texts.push(`---- ${line}`, ...log.slice(-LOG_LINES));
    }
    return texts.join("\n");
  }

  /** Stops everything and removes the folder. */
  async destroy(): Promise<void> {
    for (const child of this.#adopted.values()) child.kill("SIGKILL");
    await this.script("destroy");
    await rm(this.folder, { recursive: true, force: true });
  }

  #ports(number: number): { readonly mesh: number; readonly api: number } {
    const text = readFileSync(join(this.home(number), "ports"), "utf8");
    const [mesh = Number.NaN, api = Number.NaN] = text.trim().split(" ").map(Number);
    return { mesh, api };
  }
}

/** Two ports that were free a moment ago. */
async function freePorts(): Promise<readonly number[]> {
  const servers = [createServer(), createServer()];
  const ports = servers.map(async (server) => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  const found = await Promise.all(ports);
  for (const server of servers) server.close();
  return found;
}

/** A cluster for all tests of a file; the nodes' logs are shown when one fails. */
export function useCluster(count: number, options: { readonly nodeArgs?: string } = {}): Cluster {
  const cluster = new Cluster(options);
  beforeAll(async () => {
    try {
      await cluster.up(count);
    } catch (error) {
      console.error(await cluster.logs());
      throw error;
    }
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") console.error(await cluster.logs());
  });
  afterAll(() => cluster.destroy());
  return cluster;
}

/** A file that handlers wait for: what has not begun stays undone until it is opened. */
export class Gate {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** A closed gate. A test that ends without opening it must not keep the slots from the next one. */
  static async make(cluster: Pick<ClusterNodes, "folder">): Promise<Gate> {
    const folder = join(cluster.folder, "gates");
    await mkdir(folder, { recursive: true });
    const gate = new Gate(join(folder, randomUUID()));
    onTestFinished(() => gate.open());
    return gate;
  }

  async open(): Promise<void> {
    await writeFile(this.path, "");
  }
}

/** Waits for a request's end. @throws {Error} when it has not ended in time. */
export async function ended(
  client: JobxClient,
  id: string,
  deadlineMs: number,
  withResult = true,
): Promise<RequestView> {
  try {
    return await eventually(`${id} has ended`, deadlineMs, async () => {
      const view = await client.request(id, { waitMs: 1000, withResult });
      return view.endedAt === null ? undefined : view;
    });
  } catch (error) {
    const view = await client.request(id, { waitMs: 0, withResult: false });
    const open = (await attemptsOf(client, id)).filter(({ state }) => state !== "done");
    throw new Error(`${String(error)}\n${JSON.stringify({ view, open }, null, 1)}`, {
      cause: error,
    });
  }
}

/** All attempts of a request. @throws {Error} when there are more than one answer holds. */
export async function attemptsOf(client: JobxClient, id: string): Promise<readonly AttemptView[]> {
  const { attempts, truncated } = await client.attempts(id, { limit: ATTEMPTS_MAX });
  if (truncated) throw new Error(`${id} has more attempts than the test reads`);
  return attempts;
}
