// For tests of this folder only: a host that speaks libp2p and says on it what it likes.
import type { Connection, Stream } from "@libp2p/interface";
import { dialAddresses } from "../../src/mesh/addresses.ts";
import { FrameReader } from "../../src/mesh/frame-reader.ts";
import type { Frame } from "../../src/mesh/framing.ts";
import { createHost, type Host } from "../../src/mesh/host.ts";
import { parseKey } from "../../src/mesh/keys.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import type { Member, NodeId } from "../../src/mesh/ports.ts";
import { newKey } from "./mesh-nodes.ts";

/** Bytes of a frame that a rogue reads. */
const READ_BYTES_MAX = 1024 * 1024;

/** A peer without manners. */
export interface Rogue {
  readonly host: Host;
  readonly node: NodeId;
  readonly member: Member;
  dial(mesh: Mesh): Promise<Connection>;
  close(): Promise<void>;
}

/** Starts one, with a key of its own or one that a node has had; as a member it must be listed by its `member`. */
export async function startRogue(key?: Uint8Array): Promise<Rogue> {
  const host = await createHost({
    privateKey: parseKey(key ?? (await newKey()), ""),
    listen: ["/ip4/127.0.0.1/tcp/0"],
    advertise: [],
    gater: {},
    serves: () => false,
  });
  await host.start();
  return {
    host,
    node: host.peerId.toString(),
    member: { node: host.peerId.toString(), addresses: [] },
    dial: (mesh) => host.dial(dialAddresses(mesh.self, mesh.addresses()), { force: true }),
    close: async () => {
      await host.stop();
    },
  };
}

/** The frames that come back on a stream until it ends. */
export async function framesOf(stream: Stream): Promise<Frame[]> {
  const reader = new FrameReader(stream, {
    payloadBytesMax: READ_BYTES_MAX,
    waitingBytesMax: READ_BYTES_MAX,
  });
  const frames: Frame[] = [];
  for (;;) {
    const frame = await reader.next();
    if (frame === undefined) return frames;
    frames.push(frame);
  }
}
