/** Where the nodes of a run live: on the loopback of this machine, or each on a network of its own. */

import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { HostGate } from "../lib/e2e-host-gate.ts";
import { MESH_PORT, TestNetwork } from "../lib/e2e-network.ts";
import type { Chance } from "../sim/chance.ts";

/** A node's API on its own network: each has its own loopback. */
const API_PORT = 7070;

/** Ports that somebody else has are passed over; so many tries find a free one on any sane machine. */
const PORT_TRIES = 200;
const PORT_LOW = 11_000;

/** A place for one node. */
export interface Place {
  /** URL of the node's API, as it can be reached from here. */
  readonly api: string;
  /** Flags of the node that say where it listens. */
  readonly flags: readonly string[];
  /** What stands before the program. */
  readonly prefix: readonly string[];
}

/** Places for nodes, numbered from 1. */
export interface Ground {
  /** Called once for each node; `folder` is the node's and exists. */
  place(number: number, folder: string): Promise<Place>;
  /** Undefined where nothing can be cut. */
  readonly network: TestNetwork | undefined;
  /** Nothing may run there any more. */
  close(): Promise<void>;
  /** As `close`, for a process that ends now and cannot wait. */
  drop(): void;
}

/**
 * Ports of this machine, from below those that the kernel gives to outgoing connections: a node that is
 * away for a moment must find its own free when it comes back.
 */
export function loopback(chance: Chance): Ground {
  const taken = new Set<number>();
  const freePort = async (): Promise<number> => {
    for (let tries = 0; tries < PORT_TRIES; tries++) {
      const port = chance.whole(PORT_LOW, ephemeralLow() - 1);
      if (taken.has(port) || !(await isFree(port))) continue;
      taken.add(port);
      return port;
    }
    throw new Error("no free port was found");
  };
  return {
    network: undefined,
    async place() {
      const [mesh, api] = [await freePort(), await freePort()];
      return {
        api: `http://127.0.0.1:${api}`,
        flags: ["--listen", `/ip4/127.0.0.1/tcp/${mesh}`, "--api", `127.0.0.1:${api}`],
        prefix: [],
      };
    },
    close: () => Promise.resolve(),
    drop: () => {},
  };
}

/** Network namespaces with a router between them. */
export function networks(): Ground {
  const network = new TestNetwork();
  const gates: HostGate[] = [];
  return {
    network,
    async place(number, folder) {
      network.addHost(number);
      const space = network.namespace(number);
      const gate = await HostGate.open({ space, folder, port: API_PORT });
      gates.push(gate);
      const listen = `/ip4/${network.address(number)}/tcp/${MESH_PORT}`;
      return {
        api: gate.url,
        flags: ["--listen", listen, "--api", `127.0.0.1:${API_PORT}`],
        prefix: ["ip", "netns", "exec", space],
      };
    },
    drop() {
      for (const gate of gates) gate.drop();
      network.destroy();
    },
    async close() {
      await Promise.all(gates.map((gate) => gate.close()));
      network.destroy();
    },
  };
}

function ephemeralLow(): number {
  const [low = "32768"] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(
    /\s/,
  );
  return Math.max(PORT_LOW + 1000, Number(low));
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
