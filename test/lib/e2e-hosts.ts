/** A cluster whose nodes each run on a host of their own in a `TestNetwork`. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { HostGate } from "./e2e-host-gate.ts";
import { MESH_PORT, TestNetwork } from "./e2e-network.ts";
import { ClusterNodes, NODE, ROOT } from "./e2e-nodes.ts";

/** Of every node: each has its own loopback. */
const API_PORT = 7070;
/** Lines of each node's log that are shown after a failure. */
const LOG_LINES = 40;

interface Host {
  readonly gate: HostGate;
  node: ChildProcess | undefined;
}

/** Nodes are numbered from 1; node 1 founds the cluster. */
export class HostsCluster extends ClusterNodes {
  override readonly folder: string;
  readonly network = new TestNetwork();
  readonly #hosts = new Map<number, Host>();

  constructor() {
    super();
    this.folder = mkdtempSync(join(tmpdir(), "jobx-e2e-"));
  }

  /** The URL works from here, whatever is cut in the network. */
  override api(number: number): string {
    const host = this.#hosts.get(number);
    if (host === undefined) throw new Error(`node-${number} was never started`);
    return host.gate.url;
  }

  override home(number: number): string {
    return join(this.folder, `node-${number}`);
  }

  /** Whether a node was ever started. */
  has(number: number): boolean {
    return this.#hosts.has(number);
  }

  /** Starts nodes, new ones one after the other through node 1, and waits until they are ready. */
  async start(...numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      await this.launch(number);
      await this.ready(number);
    }
  }

  /** Starts a node's process. */
  async launch(number: number): Promise<void> {
    const host = this.#hosts.get(number) ?? (await this.#makeHost(number));
    const address = `/ip4/${this.network.address(number)}/tcp/${MESH_PORT}`;
    const flags = ["--data", join(this.home(number), "data"), "--name", `node-${number}`];
    const places = ["--listen", address, "--api", `127.0.0.1:${API_PORT}`];
    const isNew = host.node === undefined && number !== 1;
    const ticket = isNew ? ["--join", (await this.client(1).createTicket({})).ticket] : [];
    const log = openSync(join(this.home(number), "log"), "a");
    const program = [NODE, join(ROOT, "bin/jobx-node.js"), ...flags, ...places, ...ticket];
    host.node = spawn("ip", ["netns", "exec", this.network.namespace(number), ...program], {
      cwd: this.home(number),
      env: withoutSettings(),
      stdio: ["ignore", log, log],
    });
  }

  /** SIGKILL. Returns when the processes are gone. */
  async kill(...numbers: readonly number[]): Promise<void> {
    await Promise.all(numbers.map((number) => ended(this.#hosts.get(number)?.node)));
  }

  /** The end of a node's log. */
  log(number: number): string {
    return readFileSync(join(this.home(number), "log"), "utf8");
  }

  /** The ends of all logs, for whoever reads a failure. */
  logs(): string {
    const texts = [...this.#hosts.keys()].map((number) => {
      const lines = this.log(number).trimEnd().split("\n").slice(-LOG_LINES);
      return [`---- node-${number}`, ...lines].join("\n");
    });
    return texts.join("\n");
  }

  /** Stops everything and removes folder and network. */
  async destroy(): Promise<void> {
    for (const { node, gate } of this.#hosts.values()) {
      await ended(node);
      await gate.close();
    }
    this.network.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #makeHost(number: number): Promise<Host> {
    this.network.addHost(number);
    await mkdir(this.home(number));
    const space = this.network.namespace(number);
    const gate = await HostGate.open({ space, folder: this.home(number), port: API_PORT });
    const host: Host = { gate, node: undefined };
    this.#hosts.set(number, host);
    return host;
  }
}

/** A cluster for all tests of a file; cuts end with each test, and logs are shown when one fails. */
export function useHosts(count: number): HostsCluster {
  const cluster = new HostsCluster();
  beforeAll(async () => {
    try {
      await cluster.start(...Array.from({ length: count }, (_, at) => at + 1));
    } catch (error) {
      console.error(cluster.logs());
      throw error;
    }
  });
  afterEach(({ task }) => {
    cluster.network.heal();
    if (task.result?.state === "fail") console.error(cluster.logs());
  });
  afterAll(() => cluster.destroy());
  return cluster;
}

/** The tester's own settings are not the nodes'. */
function withoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("JOBX_")),
  );
}

function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}
