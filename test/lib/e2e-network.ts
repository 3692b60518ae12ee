/**
 * Machines of their own for nodes: a network namespace each, and one between them that forwards, so
 * that packets can be dropped in either direction without anybody being told.
 */
import { execFileSync } from "node:child_process";

/** Where every node listens for other nodes; the addresses differ. */
export const MESH_PORT = 7071;

/** Namespaces are seen by the whole machine, so several test runs must not meet. */
const NAME = `jx${process.pid}`;

function ip(...words: readonly string[]): string {
  return execFileSync("ip", words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Why this machine lets us make no networks; undefined when it does. */
export function networkProblem(): string | undefined {
  const probe = `${NAME}-probe`;
  try {
    ip("netns", "add", probe);
    ip("-n", probe, "rule", "add", "to", "192.0.2.1", "ipproto", "tcp", "dport", "1", "blackhole");
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.trim() : String(error);
    return `network namespaces with rules of their own cannot be made here: ${why}`;
  } finally {
    try {
      ip("netns", "del", probe);
    } catch {
      // It was not made, as was said.
    }
  }
}

/** Hosts numbered from 1, each with a wire of its own to a router. */
export class TestNetwork {
  readonly #router: string;
  readonly #hosts = new Set<number>();
  readonly #rules: (readonly string[])[] = [];

  constructor() {
    this.#router = `${NAME}-r`;
    ip("netns", "add", this.#router);
    const forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    ip("netns", "exec", this.#router, "sh", "-c", forward);
  }

  /** Makes a host; harmless to repeat. */
  addHost(number: number): void {
    if (this.#hosts.has(number)) return;
    this.#hosts.add(number);
    const host = this.namespace(number);
    const router = this.#router;
    const wire = `w${number}`;
    ip("netns", "add", host);
    ip("-n", host, "link", "set", "lo", "up");
    ip("-n", router, "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", host);
    ip("-n", router, "addr", "add", `10.0.${number}.1/24`, "dev", wire);
    ip("-n", router, "link", "set", wire, "up");
    ip("-n", host, "addr", "add", `${this.address(number)}/24`, "dev", "eth0");
    ip("-n", host, "link", "set", "eth0", "up");
    ip("-n", host, "route", "add", "default", "via", `10.0.${number}.1`);
  }

  /** The namespace of a host, for `ip netns exec`. */
  namespace(number: number): string {
    return `${NAME}-${number}`;
  }

  address(number: number): string {
    return `10.0.${number}.2`;
  }

  /** What one host sends to another is lost from now on; the other way round nothing changes. */
  cutOneWay(from: number, to: number): void {
    this.#drop(["iif", `w${from}`, "to", this.address(to)]);
  }

  /** Two hosts do not hear each other any more. */
  cut(one: number, other: number): void {
    this.cutOneWay(one, other);
    this.cutOneWay(other, one);
  }

  /** Nobody can connect to the host's mesh port, as behind a firewall; it can connect to others. */
  shield(number: number): void {
    const port = String(MESH_PORT);
    this.#drop(["to", this.address(number), "ipproto", "tcp", "dport", port]);
  }

  /** Ends all cuts and shields. */
  heal(): void {
    for (const rule of this.#rules.splice(0)) ip("-n", this.#router, "rule", "del", ...rule);
  }

  /** Removes it. Nothing may run in it any more. */
  destroy(): void {
    for (const number of this.#hosts) ip("netns", "del", this.namespace(number));
    ip("netns", "del", this.#router);
  }

  #drop(match: readonly string[]): void {
    const rule = [...match, "blackhole"];
    ip("-n", this.#router, "rule", "add", ...rule);
    this.#rules.push(rule);
  }
}
