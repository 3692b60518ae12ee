/** Real nodes in processes of their own, started and harmed through `scripts/cluster.sh`. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, openSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, onTestFinished } from "vitest";
import { JobxClient } from "../../src/api/client.ts";
import type { AttemptView, RequestView } from "../../src/api/ports.ts";
import { eventually } from "./e2e-eventually.ts";
import { type Ended, runProgram } from "./e2e-process.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SCRIPT = join(ROOT, "scripts/cluster.sh");
/** The program that the scripts run: vitest itself may run on another version. */
const NODE = join(ROOT, "node_modules/.bin/node");
/** Starting or stopping nodes; each of its steps has a bound of its own in the script. */
const SCRIPT_MS_MAX = 170_000;
const CLI_MS_MAX = 120_000;
/** How long a call is repeated while nodes die and elect. */
const CALL_MS_MAX = 60_000;
/** An election after a crash, on a machine that does other things as well. */
const ELECTION_MS_MAX = 30_000;
const READY_MS_MAX = 60_000;
/** All attempts of a test's request fit in one answer. */
const ATTEMPTS_MAX = 10_000;
/** Lines of each node's log that are shown after a failure. */
const LOG_LINES = 40;

/** Who schedules a workflow. */
export interface Scheduler {
  /** Number of the node, from 1. */
  readonly number: number;
  readonly term: number;
}

/** A cluster with a folder of its own. Nodes are numbered from 1, as the script does. */
export class Cluster {
  readonly folder: string;
  /** Further flags of nodes that the script starts. */
  readonly #nodeArgs: string | undefined;
  readonly #adopted = new Map<number, ChildProcess>();

  constructor(options: { readonly nodeArgs?: string } = {}) {
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

  /** URL of a node's API. */
  api(number: number): string {
    return `http://127.0.0.1:${this.#ports(number).api}`;
  }

  /** Where a node listens for other nodes. */
  meshPort(number: number): number {
    return this.#ports(number).mesh;
  }

  /** A node's folder, with its log and data. */
  home(number: number): string {
    return join(this.folder, "cluster", `node-${number}`);
  }

  get token(): string {
    return readFileSync(join(this.home(1), "data/admin-token"), "utf8").trim();
  }

  /** A client that goes on to the next of these nodes when one does not answer. */
  client(...numbers: readonly number[]): JobxClient {
    const deps = {
      fetch,
      clock: { nowMs: () => performance.now() },
      sleep: (ms: number) => sleep(ms),
      randomKey: () => randomUUID(),
    };
    const urls = numbers.map((number) => this.api(number));
    return new JobxClient(deps, { urls, token: this.token, deadlineMs: CALL_MS_MAX });
  }

  /** Runs `jobx` against a node, or against the first of several that answers. */
  jobx(numbers: number | readonly number[], ...args: readonly string[]): Promise<Ended> {
    const apis = [numbers].flat().map((number) => this.api(number));
    const env = { ...process.env, JOBX_API: apis.join(","), JOBX_TOKEN: this.token };
    return runProgram(NODE, [join(ROOT, "bin/jobx.js"), ...args], { env, msMax: CLI_MS_MAX });
  }

  /** Takes a stopped node's databases away and leaves its key: the disk was replaced. */
  async loseStore(number: number): Promise<void> {
    for (const name of ["log", "state", "MARK", "identity.json"])
      await rm(join(this.home(number), "data", name), { recursive: true });
  }

  /** Applies a workflow of `test/e2e`. */
  async apply(number: number, workflow: string): Promise<void> {
    await this.applyFile(number, join(ROOT, "test/e2e", workflow, `${workflow}.yaml`));
  }

  /** Applies a workflow file. */
  async applyFile(number: number, file: string): Promise<void> {
    const { code, stderr } = await this.jobx(number, "apply", file);
    if (code !== 0) throw new Error(`jobx apply exited with ${code}: ${stderr}`);
  }

  /** Who schedules a workflow, as node `at` knows; waits through an election. */
  scheduler(workflow: string, at: number): Promise<Scheduler> {
    return eventually(`${workflow} has a scheduler`, ELECTION_MS_MAX, async () => {
      const { schedulerName, term } = await this.client(at).workflow(workflow);
      return schedulerName === null ? undefined : { number: numberOf(schedulerName), term };
    });
  }

  /** The figure of a node's metrics, for one group or for the node, or undefined when it has none. */
  async metric(number: number, name: string, group?: number): Promise<number | undefined> {
    const headers = { authorization: `Bearer ${this.token}` };
    const answer = await fetch(`${this.api(number)}/metrics`, { headers });
    const start = group === undefined ? `${name} ` : `${name}{group="${group}"} `;
    const line = (await answer.text()).split("\n").find((one) => one.startsWith(start));
    return line === undefined ? undefined : Number(line.slice(start.length));
  }

  /** Starts a stopped node as a child of this process, so that its exit code is seen. */
  async adopt(number: number): Promise<ChildProcess> {
    const { api, mesh } = this.#ports(number);
    const home = this.home(number);
    const log = openSync(join(home, "log"), "a");
    const flags = ["--data", join(home, "data"), "--name", `node-${number}`];
    const places = ["--listen", `/ip4/127.0.0.1/tcp/${mesh}`, "--api", `127.0.0.1:${api}`];
    const args = [join(ROOT, "bin/jobx-node.js"), ...flags, ...places];
    const child = spawn(NODE, args, { cwd: home, stdio: ["ignore", log, log] });
    this.#adopted.set(number, child);
    await this.ready(number);
    return child;
  }

  /** Waits until a node says that it can serve. */
  async ready(number: number): Promise<void> {
    await eventually(`node-${number} is ready`, READY_MS_MAX, async () => {
      const { ok } = await fetch(`${this.api(number)}/readyz`);
      return ok;
    });
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

/** `node-3` is 3. */
export function numberOf(name: string): number {
  return Number(name.replace("node-", ""));
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
  static async make(cluster: Cluster): Promise<Gate> {
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
): Promise<RequestView> {
  try {
    return await eventually(`${id} has ended`, deadlineMs, async () => {
      const view = await client.request(id, { waitMs: 1000, withResult: true });
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
