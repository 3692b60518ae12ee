/**
 * A real S3 service on loopback: OpenStack Swift with its s3api, as Debian has it (`swift-proxy swift-account
 * swift-container swift-object python3-swift memcached`). One device, one copy, rights by `tempauth`.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { eventually } from "./e2e-eventually.ts";

const PROGRAMS = ["swift-proxy-server", "swift-ring-builder", "memcached"];

/** What signs calls; nobody else reaches it. */
export const SWIFT_RIGHTS = { accessKeyId: "test:tester", secretAccessKey: "testing" } as const;

/** Why it cannot be started on this machine; undefined where it can. */
export function swiftLacking(): string | undefined {
  const lacking = PROGRAMS.filter(
    (program) => !existsSync(`/usr/bin/${program}`) && !existsSync(`/usr/sbin/${program}`),
  );
  return lacking.length === 0 ? undefined : `${lacking.join(", ")} not installed`;
}

/** To be stopped by whoever started it. */
export class Swift {
  readonly #processes: ChildProcess[] = [];
  readonly #folder: string;
  #port = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const folder = this.#folder;
    const ports = await freePorts(5);
    const [account = 0, container = 0, object = 0, memcached = 0, proxy = 0] = ports;
    this.#port = proxy;
    await mkdir(join(folder, "srv/sdb1"), { recursive: true });
    const servers = { account, container, object };
    for (const [name, port] of Object.entries(servers)) {
      const ring = (...words: readonly string[]): void => {
        execFileSync("swift-ring-builder", [`${name}.builder`, ...words], { cwd: folder });
      };
      ring("create", "4", "1", "1");
      ring("add", `r1z1-127.0.0.1:${port}/sdb1`, "1");
      ring("rebalance");
      await writeFile(join(folder, `${name}-server.conf`), serverConf(folder, { name, port }));
    }
    await writeFile(join(folder, "proxy-server.conf"), proxyConf(folder, { proxy, memcached }));
    this.#run("memcached", ["-u", "nobody", "-l", "127.0.0.1", "-p", String(memcached)]);
    for (const [name, port] of Object.entries(servers)) {
      this.#run(`swift-${name}-server`, [join(folder, `${name}-server.conf`)]);
      // The proxy leaves a server alone for a minute that it has once not reached.
      await answers(`http://127.0.0.1:${port}/healthcheck`);
    }
    this.#run("swift-proxy-server", [join(folder, "proxy-server.conf")]);
    await answers(this.endpoint);
  }

  stop(): void {
    for (const child of this.#processes) child.kill("SIGKILL");
  }

  #run(program: string, words: readonly string[]): void {
    const log = openSync(join(this.#folder, `${program}.log`), "a");
    this.#processes.push(spawn(program, words, { stdio: ["ignore", log, log] }));
  }
}

async function answers(url: string): Promise<void> {
  await eventually(`${url} answers`, 60_000, async () => {
    return (await fetch(url).catch(() => undefined)) !== undefined;
  });
}

function serverConf(folder: string, of: { readonly name: string; readonly port: number }): string {
  return `[DEFAULT]
devices = ${folder}/srv
mount_check = false
bind_ip = 127.0.0.1
bind_port = ${of.port}
workers = 0
user = root
swift_dir = ${folder}
[pipeline:main]
pipeline = ${of.name}-server
[app:${of.name}-server]
use = egg:swift#${of.name}
`;
}

function proxyConf(
  folder: string,
  of: { readonly proxy: number; readonly memcached: number },
): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${of.proxy}
workers = 0
user = root
swift_dir = ${folder}
[pipeline:main]
pipeline = catch_errors cache s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${of.memcached}
`;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return address === null || typeof address === "string" ? 0 : address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
