/**
 * A member that has joined with a ticket, as an honest node does, and then says what it likes on real
 * streams of libp2p: mutants of every message between nodes, and of requests for bulk data.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { asRecord, textOf } from "../../../scripts/lib/json.ts";
import { BULK_PROTOCOL } from "../../../src/mesh/bulk.ts";
import { encodeFrame } from "../../../src/mesh/framing.ts";
import { CONTROL_KIND, CONTROL_PROTOCOL, encodeHello } from "../../../src/mesh/hello.ts";
import { bulkHeader } from "../../../src/node/bulk-router.ts";
import { parseTicket } from "../../../src/node/ticket-text.ts";
import { SUPPORTED_VERSIONS } from "../../../src/scheduler/system/version-range.ts";
import { joinRequestFormat } from "../../../src/wire/join.ts";
import { newKey, startNode as startMesh } from "../../lib/mesh-nodes.ts";
import { framesOf, type Rogue, startRogue } from "../../lib/mesh-rogue.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes } from "../mutate-bytes.ts";
import type { Reach } from "../target.ts";
import { formatTargets } from "../targets/formats.ts";
import { ask, type FuzzedNode } from "./node.ts";
import type { Surface, Talker } from "./surface.ts";

const ANSWER_MS_MAX = 1_000;

/** How long a message is waited for to be refused. A node reads it within a turn or two of its loop. */
const REFUSAL_MS = 25;

const HELLO = encodeFrame(CONTROL_KIND.hello, encodeHello("ab".repeat(16)));
const HEADERS = [
  bulkHeader("block", Buffer.from("ab".repeat(32))),
  bulkHeader("snapshot", Uint8Array.of(0x92, 1, 0x93, 0, 0xa1, 0x61, 0xc0)),
  bulkHeader("members", new Uint8Array()),
];

const peer = formatTargets.find(({ name }) => name === "peer");

/** The first byte says whether it is a message (0), bytes of the control stream (1) or of a bulk one (2). */
function make(chance: Chance): Uint8Array {
  const way = chance.next();
  if (way < 0.75 && peer !== undefined) return Buffer.concat([Uint8Array.of(0), peer.make(chance)]);
  if (way < 0.85)
    return Buffer.concat([Uint8Array.of(1), mutateBytes(encodeFrame(1, HELLO), chance, [HELLO])]);
  const header = mutateBytes(chance.pick(HEADERS), chance, HEADERS);
  return Buffer.concat([Uint8Array.of(2), encodeFrame(0, header)]);
}

/** Joins as a node does, and returns a host with that node's key. */
export async function joinAsRogue(node: FuzzedNode): Promise<Rogue> {
  const made = asRecord(await ask(node, "POST", "/v1/tickets", {}), "a ticket");
  const { id, secret, addresses } = parseTicket(textOf(made, "ticket"));
  const key = await newKey();
  const { mesh } = await startMesh({ privateKey: key });
  const member = {
    ...{ node: mesh.self, storeId: "ab".repeat(16), name: "rogue", addresses: [], api: "" },
    ...{ slots: 1, capabilities: [], version: "0.1.0", durability: "sync" as const },
    versions: SUPPORTED_VERSIONS,
  };
  await mesh.joinVia(addresses, { id, secret }, joinRequestFormat.encode({ member }));
  await mesh.close();
  const rogue = await startRogue(key);
  await rogue.host.handle(CONTROL_PROTOCOL, () => {});
  return rogue;
}

/** One connection after the other: the node ends each on which it hears nonsense. */
class Member {
  readonly #rogue: Rogue;
  readonly #node: FuzzedNode;
  #connection: Connection | undefined;
  #control: Stream | undefined;

  constructor(rogue: Rogue, node: FuzzedNode) {
    this.#rogue = rogue;
    this.#node = node;
  }

  async send(input: Uint8Array): Promise<Reach> {
    try {
      return await this.#send(input);
    } catch {
      // The connection went meanwhile.
      this.#control = undefined;
      return "refused";
    }
  }

  async #send(input: Uint8Array): Promise<Reach> {
    const [way = 0] = input;
    const bytes = input.subarray(1);
    if (this.#control?.status !== "open") await this.#connect();
    if (way === 2) return this.#bulk(bytes);
    this.#control?.send(way === 0 ? encodeFrame(CONTROL_KIND.data, bytes) : bytes);
    await new Promise((resolve) => setTimeout(resolve, REFUSAL_MS));
    return this.#control?.status === "open" ? "accepted" : "refused";
  }

  async #connect(): Promise<void> {
    const address = multiaddr(`/ip4/127.0.0.1/tcp/${this.#node.meshPort}`);
    const signal = AbortSignal.timeout(10 * ANSWER_MS_MAX);
    this.#connection?.abort(new Error("another is made"));
    this.#connection = await this.#rogue.host.dial(address, { force: true, signal });
    this.#control = await this.#connection.newStream(CONTROL_PROTOCOL, { signal });
    this.#control.send(HELLO);
  }

  async #bulk(bytes: Uint8Array): Promise<Reach> {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const stream = await this.#connection?.newStream(BULK_PROTOCOL, { signal });
    if (stream === undefined) return "cut";
    const frames = framesOf(stream);
    const timer = setTimeout(() => stream.abort(new Error("enough")), ANSWER_MS_MAX);
    stream.send(bytes);
    const heard = await frames;
    clearTimeout(timer);
    return heard.some(({ kind }) => kind === 255) ? "refused" : "accepted";
  }
}

export const memberSurface: Surface = {
  name: "member",
  cost: 40,
  async open(node): Promise<Talker> {
    const rogue = await joinAsRogue(node);
    const member = new Member(rogue, node);
    return { make, send: (input) => member.send(input), close: () => rogue.close() };
  },
};
