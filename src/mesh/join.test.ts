import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { eventually, startNode, type TestNode } from "../../test/lib/mesh-nodes.ts";
import { framesOf, type Rogue, startRogue } from "../../test/lib/mesh-rogue.ts";
import { JobxError } from "../std/errors.ts";
import { decodeRemoteError, ERROR_KIND, packFields, versionField } from "./fields.ts";
import { FrameReader } from "./frame-reader.ts";
import { encodeFrame } from "./framing.ts";
import { CONTROL_PROTOCOL } from "./hello.ts";
import { JOIN_KIND, JOIN_PROTOCOL } from "./join-protocol.ts";
import type { MeshOptions } from "./mesh.ts";
import { JOIN_VERSION, ticketProof, ticketVerifier } from "./ticket.ts";

// Real handshakes on a busy machine take their time.
vi.setConfig({ testTimeout: 20_000 });

const SECRET = Buffer.alloc(32, 1);
const TICKET = { id: "ticket-1", secret: SECRET };

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

interface Admitted {
  readonly node: string;
  readonly ticketId: string;
  readonly request: string;
}

async function member(
  options: Partial<MeshOptions> = {},
): Promise<TestNode & { admitted: Admitted[] }> {
  const admitted: Admitted[] = [];
  const started = await node({
    admission: {
      verifier: async (id) => (id === TICKET.id ? ticketVerifier(SECRET) : undefined),
      admit: async (newcomer, request) => {
        const text = Buffer.from(request).toString();
        if (text === "full") throw new JobxError({ code: "CLUSTER_FULL" }, "no room");
        admitted.push({ ...newcomer, request: text });
        return Buffer.from(`welcome ${text}`);
      },
    },
    ...options,
  });
  return { ...started, admitted };
}

async function node(options: Partial<MeshOptions> = {}): Promise<TestNode> {
  const started = await startNode(options);
  closing.push(() => started.mesh.close());
  return started;
}

async function rogue(): Promise<Rogue> {
  const started = await startRogue();
  closing.push(() => started.close());
  return started;
}

describe("joining", () => {
  it("admits who knows the secret, and hands on request and answer", async () => {
    const [a, newcomer] = [await member(), await node()];
    const answer = await newcomer.mesh.joinVia(a.mesh.addresses(), TICKET, Buffer.from("anna"));
    expect(Buffer.from(answer).toString()).toBe("welcome anna");
    expect(a.admitted).toEqual([
      { node: newcomer.mesh.self, ticketId: "ticket-1", request: "anna" },
    ]);
    await eventually("the connection is closed", () => a.mesh.strangers() === 0);
  });

  it("lets newcomer and member connect right after", async () => {
    const [a, newcomer] = [await member(), await node()];
    await newcomer.mesh.joinVia(a.mesh.addresses(), TICKET, Buffer.from("anna"));
    a.mesh.setMembers([newcomer.member]);
    newcomer.mesh.setMembers([a.member]);
    await eventually(
      "both up",
      () => a.mesh.peersUp().length + newcomer.mesh.peersUp().length === 2,
    );
  });

  it("turns away who knows another secret, says why to it, and logs it once", async () => {
    const [a, newcomer] = [await member(), await node()];
    const wrong = { id: TICKET.id, secret: Buffer.alloc(32, 2) };
    for (let count = 0; count < 2; count += 1) {
      await expect(
        newcomer.mesh.joinVia(a.mesh.addresses(), wrong, Buffer.from("anna")),
      ).rejects.toMatchObject({ details: { remoteCode: "MESH_JOIN_REFUSED" } });
    }
    expect(a.admitted).toEqual([]);
    expect(a.warnings.length).toBe(1);
  });

  it("turns away an unknown ticket with the same words", async () => {
    const [a, newcomer] = [await member(), await node()];
    const unknown = { id: "ticket-2", secret: SECRET };
    await expect(
      newcomer.mesh.joinVia(a.mesh.addresses(), unknown, Buffer.from("anna")),
    ).rejects.toMatchObject({ details: { remoteCode: "MESH_JOIN_REFUSED" } });
  });

  it("passes on why admission failed", async () => {
    const [a, newcomer] = [await member(), await node()];
    await expect(
      newcomer.mesh.joinVia(a.mesh.addresses(), TICKET, Buffer.from("full")),
    ).rejects.toMatchObject({ details: { remoteCode: "CLUSTER_FULL" }, message: "no room" });
  });

  it("tries the next address when one cannot be reached", async () => {
    const [gone, a, newcomer] = [await member(), await member(), await node()];
    await gone.mesh.close();
    const addresses = [...gone.mesh.addresses(), ...goneAddresses(gone), ...a.mesh.addresses()];
    const answer = await newcomer.mesh.joinVia(addresses, TICKET, Buffer.from("anna"));
    expect(Buffer.from(answer).toString()).toBe("welcome anna");
  });

  it("does not talk to another node than the address names", async () => {
    const [a, b, newcomer] = [await member(), await member(), await node()];
    const [address] = a.mesh.addresses();
    const mixed = (address ?? "").replace(a.mesh.self, b.mesh.self);
    await expect(newcomer.mesh.joinVia([mixed], TICKET, Buffer.from("anna"))).rejects.toMatchObject(
      { code: "MESH_JOIN_UNREACHABLE" },
    );
    expect([...a.admitted, ...b.admitted]).toEqual([]);
  });

  it("sends no request to a node that does not know the ticket", async () => {
    const newcomer = await node();
    const impostor = await rogue();
    let requests = 0;
    await impostor.host.handle(JOIN_PROTOCOL, async (stream) => {
      const reader = new FrameReader(stream, { payloadBytesMax: 1e6, waitingBytesMax: 1e6 });
      await reader.next();
      stream.send(encodeFrame(JOIN_KIND.nonce, randomBytes(32)));
      await reader.next();
      stream.send(encodeFrame(JOIN_KIND.memberProof, randomBytes(32)));
      if ((await reader.next()) !== undefined) requests += 1;
    });
    const addresses = impostor.host.getMultiaddrs().map(String);
    await expect(
      newcomer.mesh.joinVia(addresses, TICKET, Buffer.from("anna")),
    ).rejects.toMatchObject({ code: "MESH_JOIN_UNPROVEN" });
    expect(requests).toBe(0);
  });
});

describe("a stranger's connection", () => {
  it("gets nothing for a proof that was good for another exchange", async () => {
    const a = await member();
    const stranger = await rogue();
    const old = {
      ticketId: TICKET.id,
      joiner: stranger.node,
      member: a.mesh.self,
      joinerNonce: Buffer.alloc(32, 5),
      memberNonce: Buffer.alloc(32, 6),
    };
    const replayed = ticketProof("joiner", ticketVerifier(SECRET), old);
    const stream = await (await stranger.dial(a.mesh)).newStream(JOIN_PROTOCOL);
    const replies = framesOf(stream);
    stream.send(
      encodeFrame(
        JOIN_KIND.hello,
        packFields([versionField(JOIN_VERSION), Buffer.from(TICKET.id), old.joinerNonce]),
      ),
    );
    stream.send(encodeFrame(JOIN_KIND.joinerProof, replayed));
    const last = (await replies).at(-1);
    expect(last?.kind).toBe(ERROR_KIND);
    expect(decodeRemoteError(last?.payload ?? new Uint8Array()).details).toMatchObject({
      remoteCode: "MESH_JOIN_REFUSED",
    });
  });

  it("is closed when it says nothing, after the time for joining", async () => {
    const a = await member({ limits: { joinMs: 300 } });
    const connection = await (await rogue()).dial(a.mesh);
    expect(connection.status).toBe("open");
    await eventually("it was let in", () => a.mesh.strangers() === 1);
    await eventually(
      "it is closed",
      () => connection.status !== "open" && a.mesh.strangers() === 0,
    );
  });

  it("cannot open any other protocol", async () => {
    const a = await member();
    const stranger = await rogue();
    const connection = await stranger.dial(a.mesh);
    const others = [CONTROL_PROTOCOL, "/jobx/bulk/1", "/meshsub/1.1.0", "/ipfs/id/1.0.0"];
    for (const protocol of others) {
      const answers = await answersOn(connection, protocol);
      expect([protocol, answers]).toEqual([protocol, 0]);
    }
    expect(a.sightings).toEqual([]);
  });

  it("is refused when there are too many at once", async () => {
    const a = await member({ limits: { joinsAtOnceMax: 2 } });
    const strangers = [await rogue(), await rogue(), await rogue()];
    for (const stranger of strangers.slice(0, 2)) await stranger.dial(a.mesh);
    await eventually("two are in", () => a.mesh.strangers() === 2);
    const third = await strangers[2]?.dial(a.mesh).catch(() => undefined);
    await eventually("the third is out", () => third === undefined || third.status !== "open");
    expect(a.mesh.strangers()).toBe(2);
  });

  it("is refused when there were too many in a minute", async () => {
    const a = await member({ limits: { joinsPerMinuteMax: 1 } });
    const [one, two] = [await node(), await node()];
    await one.mesh.joinVia(a.mesh.addresses(), TICKET, Buffer.from("anna"));
    await expect(
      two.mesh.joinVia(a.mesh.addresses(), TICKET, Buffer.from("bert")),
    ).rejects.toMatchObject({ code: "MESH_JOIN_UNREACHABLE" });
  });

  it("is refused by a node that admits nobody", async () => {
    const [a, newcomer] = [await node(), await node()];
    await expect(
      newcomer.mesh.joinVia(a.mesh.addresses(), TICKET, Buffer.from("anna")),
    ).rejects.toMatchObject({ code: "MESH_JOIN_UNREACHABLE" });
  });

  it.each([
    ["garbage", randomBytes(300)],
    ["a frame above the bound", Buffer.from([0x00, 0x10, 0x00, 0x00, 0x00])],
    ["a frame out of order", encodeFrame(JOIN_KIND.request, Buffer.from("let me in"))],
    [
      "another version",
      encodeFrame(
        JOIN_KIND.hello,
        packFields([versionField(9), Buffer.from("t"), randomBytes(32)]),
      ),
    ],
  ])("is told off and closed after %s", async (_what, bytes) => {
    const a = await member();
    const stranger = await rogue();
    const connection = await stranger.dial(a.mesh);
    const stream = await connection.newStream(JOIN_PROTOCOL);
    const replies = framesOf(stream);
    stream.send(bytes);
    expect((await replies).at(-1)?.kind).toBe(ERROR_KIND);
    await eventually("it is closed", () => connection.status !== "open");
    const newcomer = await node();
    await newcomer.mesh.joinVia(a.mesh.addresses(), TICKET, Buffer.from("anna"));
    expect(a.admitted.length).toBe(1);
  });
});

function goneAddresses(gone: TestNode): readonly string[] {
  return gone.member.addresses;
}

/** Bytes that come back on a stream of the protocol, which is served or not. */
async function answersOn(
  connection: Awaited<ReturnType<Rogue["dial"]>>,
  protocol: string,
): Promise<number> {
  let bytes = 0;
  try {
    const stream = await connection.newStream(protocol);
    stream.addEventListener("message", ({ data }) => {
      bytes += data.byteLength;
    });
    await eventually("the stream is closed", () => stream.status !== "open", 1_000);
  } catch {
    // Not even negotiated: nothing came back either.
  }
  return bytes;
}
