/** A stranger on the node's mesh port: noise, libp2p with another's protocols, and a join that is not one. */
import { connect } from "node:net";
import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { BULK_PROTOCOL } from "../../../src/mesh/bulk.ts";
import { packFields, versionField } from "../../../src/mesh/fields.ts";
import { encodeFrame } from "../../../src/mesh/framing.ts";
import { CONTROL_PROTOCOL } from "../../../src/mesh/hello.ts";
import { JOIN_PROTOCOL } from "../../../src/mesh/join-protocol.ts";
import { framesOf, type Rogue, startRogue } from "../../lib/mesh-rogue.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes, randomBytes } from "../mutate-bytes.ts";
import type { Reach } from "../target.ts";
import type { FuzzedNode } from "./node.ts";
import type { Surface, Talker } from "./surface.ts";

const ANSWER_MS_MAX = 1_000;

/** The first byte of an input says what is done with the rest. */
const WAYS = { raw: 0, join: 1, control: 2, bulk: 3 } as const;

/** What libp2p's own negotiation begins with. */
const NEGOTIATION = Buffer.from("\u0013/multistream/1.0.0\n\u0007/noise\n");

const HELLO = encodeFrame(
  0,
  packFields([versionField(1), Buffer.from("ticket"), new Uint8Array(32)]),
);
const JOIN = Buffer.concat([HELLO, encodeFrame(2, new Uint8Array(32)), encodeFrame(4, HELLO)]);

function make(chance: Chance): Uint8Array {
  const way = chance.hits(0.7) ? WAYS.raw : chance.pick([WAYS.join, WAYS.control, WAYS.bulk]);
  const valid = way === WAYS.raw ? NEGOTIATION : JOIN;
  const bytes = chance.hits(0.1) ? randomBytes(chance, 400) : mutateBytes(valid, chance, [valid]);
  return Buffer.concat([Uint8Array.of(way), bytes]);
}

/** Writes to the port and reads until the node closes. */
function noise(node: FuzzedNode, bytes: Uint8Array): Promise<Reach> {
  return new Promise((resolve) => {
    let heard = false;
    const socket = connect({ host: "127.0.0.1", port: node.meshPort });
    const timer = setTimeout(() => socket.destroy(), ANSWER_MS_MAX);
    socket.on("data", () => {
      heard = true;
    });
    socket.on("error", () => {
      // Followed by `close`.
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(heard ? "refused" : "cut");
    });
    socket.end(bytes);
  });
}

async function talk(connection: Connection, way: number, bytes: Uint8Array): Promise<Reach> {
  const protocol =
    way === WAYS.join ? JOIN_PROTOCOL : way === WAYS.control ? CONTROL_PROTOCOL : BULK_PROTOCOL;
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const stream = await connection.newStream(protocol, { signal });
  const frames = framesOf(stream);
  stream.send(bytes);
  const timer = setTimeout(() => stream.abort(new Error("enough")), ANSWER_MS_MAX);
  const heard = await frames;
  clearTimeout(timer);
  if (way !== WAYS.join && heard.some(({ kind }) => kind !== 255))
    throw new Error("a stranger was answered on a protocol of members");
  return heard.length > 0 ? "refused" : "cut";
}

async function visit(rogue: Rogue, node: FuzzedNode, input: Uint8Array): Promise<Reach> {
  const [way = 0] = input;
  const bytes = input.subarray(1);
  if (way === WAYS.raw) return noise(node, bytes);
  try {
    const address = multiaddr(`/ip4/127.0.0.1/tcp/${node.meshPort}`);
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const connection = await rogue.host.dial(address, { force: true, signal });
    try {
      return await talk(connection, way, bytes);
    } finally {
      connection.abort(new Error("done"));
    }
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("a stranger was")) throw error;
    // Refused before a stream, as too many strangers in a minute are.
    return "refused";
  }
}

export const strangerSurface: Surface = {
  name: "stranger",
  cost: 100,
  async open(node): Promise<Talker> {
    const rogue = await startRogue();
    return { make, send: (input) => visit(rogue, node, input), close: () => rogue.close() };
  },
};
