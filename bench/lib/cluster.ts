/** Three real nodes in processes of their own, on this machine's loopback. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { JobxClient } from "../../src/api/client.ts";
import type { NodeConfig } from "../../src/node/config/config.ts";
import { systemClock } from "../../src/node/system.ts";
import { isNumbered, type NodeAnswer, type NodeAsk } from "./protocol.ts";

const HOST = "127.0.0.1";
const NODES = 3;
/** A machine that is busy with other things takes its time. */
const SETTLE_MS_MAX = 60_000;
const LOOK_MS = 50;

type Answer<Kind extends NodeAnswer["kind"]> = Extract<NodeAnswer, { kind: Kind }>;

/** One node's process. */
export class BenchNode {
  readonly config: NodeConfig;
  readonly #folder: string;
  readonly #waiting = new Map<number, (answer: NodeAnswer) => void>();
  #child: ChildProcess | undefined;
  #asked = 0;
  api = "";

  constructor(config: NodeConfig, folder: string) {
    this.config = config;
    this.#folder = folder;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(ticket: string | undefined): Promise<void> {
    const output = openSync(join(this.#folder, `${this.config.name}.log`), "a");
    const child = fork(join(import.meta.dirname, "../main.ts"), ["--node"], {
      stdio: ["ignore", output, output, "ipc"],
      // As `bin/jobx-node.js` has it.
      env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
    });
    this.#child = child;
    child.on("message", (message: unknown) => {
      if (!isNumbered<NodeAnswer>(message)) return;
      this.#waiting.get(message.number)?.(message.body);
      this.#waiting.delete(message.number);
    });
    child.once("exit", () => {
      for (const answer of this.#waiting.values()) {
        answer({ kind: "failed", reason: `${this.config.name} ended` });
      }
      this.#waiting.clear();
    });
    const config = { ...this.config, joinTicket: ticket };
    const started = await this.ask({ kind: "start", config }, "started");
    this.api = started.api;
  }

  /** Waits until it says that it can serve. */
  ready(): Promise<void> {
    return until(`${this.config.name} is ready`, async () => {
      const { ok } = await fetch(`${this.api}/readyz`);
      return ok;
    });
  }

  /** Asks the process. @throws {Error} with its reason. */
  async ask<Kind extends NodeAnswer["kind"]>(ask: NodeAsk, kind: Kind): Promise<Answer<Kind>> {
    this.#asked += 1;
    const number = this.#asked;
    const answer = await new Promise<NodeAnswer>((resolve) => {
      this.#waiting.set(number, resolve);
      this.#child?.send({ number, body: ask });
    });
    if (answer.kind === "failed") throw new Error(`${this.config.name}: ${answer.reason}`);
    if (!isKind(answer, kind)) throw new Error(`answered with ${answer.kind}`);
    return answer;
  }

  /** Returns at once; `gone` resolves when the process has ended. */
  kill(): { readonly gone: Promise<unknown> } {
    const child = this.#child;
    if (child === undefined) return { gone: Promise.resolve() };
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    return { gone };
  }
}

function isKind<Kind extends NodeAnswer["kind"]>(
  answer: NodeAnswer,
  kind: Kind,
): answer is Answer<Kind> {
  return answer.kind === kind;
}

/** Where a workflow is. */
export interface Place {
  readonly group: number;
  readonly leader: BenchNode;
  readonly followers: readonly BenchNode[];
}

export class BenchCluster {
  readonly nodes: readonly BenchNode[];
  readonly folder: string;
  token = "";

  constructor(folder: string, nodes: readonly BenchNode[]) {
    this.folder = folder;
    this.nodes = nodes;
  }

  /** Starts nodes with empty disks in a folder that `close` removes. */
  static async start(options: {
    readonly slots: number;
    readonly nodes?: number;
  }): Promise<BenchCluster> {
    const folder = await mkdtemp(join(tmpdir(), "jobx-bench-"));
    const nodes: BenchNode[] = [];
    for (let id = 1; id <= (options.nodes ?? NODES); id++) {
      const data = join(folder, `node-${id}`);
      await mkdir(data);
      nodes.push(new BenchNode(await configOf(id, data, options.slots), folder));
    }
    const cluster = new BenchCluster(folder, nodes);
    const [first, ...others] = nodes;
    await first?.start(undefined);
    cluster.token = (await readFile(join(folder, "node-1", "admin-token"), "utf8")).trim();
    const client = cluster.client();
    await until("the first node is ready", async () => (await client.ready()).ready);
    for (const node of others) {
      await node.start((await client.createTicket({})).ticket);
    }
    return cluster;
  }

  client(): JobxClient {
    const urls = this.nodes.map(({ api }) => api).filter((api) => api !== "");
    const deps = {
      fetch,
      clock: systemClock,
      sleep: (ms: number) => sleep(ms),
      randomKey: () => crypto.randomUUID(),
    };
    return new JobxClient(deps, { urls, token: this.token, deadlineMs: SETTLE_MS_MAX });
  }

  /** Waits until every node has a voter of the workflow, all have applied the same, and one leads. */
  async settled(workflow: string): Promise<Place> {
    let place: Place | undefined;
    await until("the workflow has a voter on each node and a scheduler", async () => {
      const views = await Promise.all(
        this.nodes.map(async (node) => ({
          node,
          ...(await node.ask({ kind: "where", workflow }, "placed")),
        })),
      );
      const [view] = views;
      const led = views.find(({ leads }) => leads);
      if (view === undefined || led === undefined) return false;
      if (
        views.some(({ voters, appliedIndex }) => voters !== this.nodes.length || appliedIndex === 0)
      ) {
        return false;
      }
      if (views.some(({ appliedIndex }) => Math.abs(appliedIndex - led.appliedIndex) > 1)) {
        return false;
      }
      const followers = this.nodes.filter((node) => node !== led.node);
      place = { group: view.group, leader: led.node, followers };
      return true;
    });
    if (place === undefined) throw new Error("no place");
    return place;
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill().gone));
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function configOf(id: number, data: string, slots: number): Promise<NodeConfig> {
  return {
    data,
    name: `node-${id}`,
    listen: [`/ip4/${HOST}/tcp/${await freePort()}`],
    advertise: [],
    api: { host: HOST, port: await freePort() },
    apiNames: [],
    joinTicket: undefined,
    healBytesPerSecond: 64 * 1024 * 1024,
    slots,
    capabilities: [],
    containers: { engines: [], logins: "", paths: [] },
    objects: { folders: [], cacheBytes: 4 * 1024 ** 3 },
    handlerMemoryBytes: undefined,
    logLevel: "info",
    drainMs: 0,
    durability: "sync",
    retention: { ageMs: 7 * 24 * 3_600_000, bytes: 2 ** 30 },
    blockGraceMs: 3_600_000,
    legacyWorkflows: [],
    mount: undefined,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + SETTLE_MS_MAX;
  let last: unknown;
  while (performance.now() < endMs) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    await sleep(LOOK_MS);
  }
  throw new Error(`waited in vain until ${what}`, { cause: last });
}
