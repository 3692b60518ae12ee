// For tests of the mesh: real nodes on loopback with ports of the system's choice, and
// waiting for conditions instead of sleeping.
import { generateKeyPair, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { Mesh, type MeshOptions } from "../../src/mesh/mesh.ts";
import type { DownReason, Member, NodeId, PeerUp } from "../../src/mesh/ports.ts";
import type { Clock, Timers } from "../../src/std/clock.ts";
import { type Log, type LogFields, silentLog } from "../../src/std/log.ts";
import { seededRandom } from "../../src/std/random.ts";

/** The machine's monotonic clock. */
export const machineClock: Clock = { nowMs: () => performance.now() };

/** The machine's timers. */
export const machineTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** What a node saw, in order. */
export type Sighting =
  | { readonly kind: "up"; readonly node: NodeId; readonly up: PeerUp; readonly atMs: number }
  | {
      readonly kind: "down";
      readonly node: NodeId;
      readonly reason: DownReason;
      readonly atMs: number;
    };

/** A node with a record of what it was told. */
export interface TestNode {
  readonly mesh: Mesh;
  readonly key: Uint8Array;
  readonly sightings: Sighting[];
  readonly frames: { readonly from: NodeId; readonly frame: Uint8Array }[];
  readonly warnings: { readonly message: string; readonly fields: LogFields }[];
  /** As others list it. */
  readonly member: Member;
}

/** A new private key. */
export async function newKey(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair("Ed25519"));
}

/** Starts a node; `options` override what a plain node on loopback would have. */
export async function startNode(options: Partial<MeshOptions> = {}): Promise<TestNode> {
  const key = options.privateKey ?? (await newKey());
  const sightings: Sighting[] = [];
  const frames: TestNode["frames"] = [];
  const warnings: TestNode["warnings"] = [];
  const log: Log = {
    ...silentLog,
    warn: (message, fields = {}) => warnings.push({ message, fields }),
  };
  const mesh = await Mesh.start({
    privateKey: key,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    handlers: {
      onFrame: (from, frame) => frames.push({ from, frame: frame.slice() }),
      onPeerUp: (node, up) => sightings.push({ kind: "up", node, up, atMs: performance.now() }),
      onPeerDown: (node, reason) =>
        sightings.push({ kind: "down", node, reason, atMs: performance.now() }),
    },
    clock: machineClock,
    timers: machineTimers,
    random: seededRandom(1),
    log,
    ...options,
  });
  const member = { node: mesh.self, addresses: mesh.addresses() };
  return { mesh, key, sightings, frames, warnings, member };
}

/** Makes all of them members of one cluster and waits until each sees all others. */
export async function connect(nodes: readonly TestNode[]): Promise<void> {
  const members = nodes.map(({ member }) => member);
  for (const { mesh } of nodes) mesh.setMembers(members);
  await eventually("all nodes see each other", () =>
    nodes.every(({ mesh }) => mesh.peersUp().length === nodes.length - 1),
  );
}

/** Resolves when `holds` does; rejects with `what` when it does not in time. */
export async function eventually(
  what: string,
  holds: () => boolean,
  withinMs = 8_000,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`did not happen in time: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
