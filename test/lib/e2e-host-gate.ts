/** A way from this process to what listens on the loopback of a host in a `TestNetwork`. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { eventually } from "./e2e-eventually.ts";
import { NODE } from "./e2e-nodes.ts";

const START_MS_MAX = 60_000;

/** Runs on a host: what comes in through a socket file goes to the host's own loopback. */
const GATE = `
  const { connect, createServer } = require("node:net");
  createServer((socket) => {
    const inner = connect(Number(process.argv[2]), "127.0.0.1");
    for (const [one, other] of [[socket, inner], [inner, socket]]) {
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  }).listen(process.argv[1]);
`;

/** It works whatever is cut in the network. */
export class HostGate {
  readonly url: string;
  readonly #gate: ChildProcess;
  readonly #server: Server;

  private constructor(parts: { gate: ChildProcess; server: Server; port: number }) {
    this.#gate = parts.gate;
    this.#server = parts.server;
    this.url = `http://127.0.0.1:${parts.port}`;
  }

  /** To `port` on the loopback of namespace `space`; a socket file is made in `folder`. */
  static async open(to: {
    readonly space: string;
    readonly folder: string;
    readonly port: number;
  }): Promise<HostGate> {
    const socket = join(to.folder, "api");
    const program = [NODE, "-e", GATE, socket, String(to.port)];
    const gate = spawn("ip", ["netns", "exec", to.space, ...program], { stdio: "inherit" });
    const server = createServer((outer) => {
      const inner = connect(socket);
      for (const [one, other] of [
        [outer, inner],
        [inner, outer],
      ] as const) {
        one.pipe(other);
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
    });
    await eventually(`the gate of ${to.space} listens`, START_MS_MAX, () => canConnect(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the gate has no port");
    return new HostGate({ gate, server, port: address.port });
  }

  /** As `close`, for a process that ends now and cannot wait. */
  drop(): void {
    this.#gate.kill("SIGKILL");
  }

  /** Nothing goes through any more. */
  async close(): Promise<void> {
    this.#server.close();
    if (this.#gate.exitCode !== null || this.#gate.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      this.#gate.once("exit", () => resolve());
      this.#gate.kill("SIGKILL");
    });
  }
}

function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
