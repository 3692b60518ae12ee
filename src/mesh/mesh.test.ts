import { afterEach, describe, expect, it, vi } from "vitest";
import { connect, eventually, startNode, type TestNode } from "../../test/lib/mesh-nodes.ts";
import type { MeshOptions } from "./mesh.ts";

// Real handshakes on a busy machine take their time.
vi.setConfig({ testTimeout: 20_000 });

const nodes: TestNode[] = [];

async function node(options: Partial<MeshOptions> = {}): Promise<TestNode> {
  const started = await startNode(options);
  nodes.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(({ mesh }) => mesh.close()));
});

function number(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function numbersFrom(receiver: TestNode, sender: TestNode): number[] {
  return receiver.frames
    .filter(({ from }) => from === sender.mesh.self)
    .map(({ frame }) => Buffer.from(frame).readUInt32BE());
}

function sequence(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe("listening", () => {
  it("on a port that is taken is a coded error with the address and what to do", async () => {
    const [address = ""] = (await node()).mesh.addresses();
    const taken = address.slice(0, address.indexOf("/p2p/"));
    const free = "/ip4/127.0.0.1/tcp/0";
    const starting = node({ listen: [free, taken] });
    await expect(starting).rejects.toMatchObject({
      code: "MESH_LISTEN_FAILED",
      details: { addresses: [taken] },
    });
    await expect(starting).rejects.toThrow(/^cannot listen on \/ip4\/.*EADDRINUSE.*--listen$/u);
  });
});

describe("frames", () => {
  it("reach every other node in the order in which they were sent", async () => {
    const three = [await node(), await node(), await node()];
    await connect(three);
    for (const value of sequence(500)) {
      for (const from of three) {
        for (const to of three) {
          if (from !== to) expect(from.mesh.send(to.mesh.self, number(value))).toBe(true);
        }
      }
    }
    await eventually("all frames arrived", () =>
      three.every(({ frames }) => frames.length >= 1000),
    );
    for (const from of three) {
      for (const to of three) {
        if (from !== to) expect(numbersFrom(to, from)).toEqual(sequence(500));
      }
    }
  });
});

describe("merging", () => {
  it("puts all frames of a loop turn into one write", async () => {
    const [a, b] = [await node(), await node()];
    await connect([a, b]);
    const before = a.mesh.writesTo(b.mesh.self);
    for (const value of sequence(1000)) a.mesh.send(b.mesh.self, number(value));
    await eventually("all arrived", () => b.frames.length === 1000);
    expect(a.mesh.writesTo(b.mesh.self) - before).toBe(1);
  });

  it("says no when the queue of a peer is full, and yes again later", async () => {
    const limits = { queueBytesMax: 1_000_000, frameBytesMax: 100_000 };
    const [a, b] = [await node({ limits }), await node()];
    await connect([a, b]);
    const frame = new Uint8Array(100_000);
    const taken = sequence(20).filter(() => a.mesh.send(b.mesh.self, frame));
    expect(taken).toEqual(sequence(9));
    await eventually("what was taken arrived", () => b.frames.length === 9);
    expect(a.mesh.send(b.mesh.self, frame)).toBe(true);
  });

  it("sends a frame of the largest size whole and refuses a larger one", async () => {
    const [a, b] = [await node(), await node()];
    await connect([a, b]);
    const largest = Buffer.alloc(8 * 1024 * 1024, 7);
    expect(() => a.mesh.send(b.mesh.self, new Uint8Array(largest.length + 1))).toThrow(
      expect.objectContaining({ code: "MESH_FRAME_TOO_LARGE" }),
    );
    expect(a.mesh.send(b.mesh.self, largest)).toBe(true);
    await eventually("it arrived", () => b.frames.length === 1);
    expect(Buffer.compare(b.frames[0]?.frame ?? new Uint8Array(), largest)).toBe(0);
  });

  it("says no for a node that is not connected", async () => {
    const a = await node();
    expect(a.mesh.send("12D3KooWnobody", number(1))).toBe(false);
  });
});

describe("up and down", () => {
  it("a node that comes back at once with its key is up again within two seconds, as another boot", async () => {
    const [a, b] = [await node(), await node()];
    await connect([a, b]);
    const [first] = a.sightings;
    const goneMs = performance.now();
    await b.mesh.close();
    const again = await node({ privateKey: b.key, listen: b.mesh.addresses().map(withoutPeer) });
    again.mesh.setMembers([a.member]);
    await eventually(
      "up again",
      () => a.sightings.filter(({ kind }) => kind === "up").length === 2,
    );
    const last = a.sightings.at(-1);
    expect(last).toMatchObject({ kind: "up", up: { restarted: true, bootId: again.mesh.bootId } });
    expect(first).toMatchObject({ kind: "up", up: { restarted: false, bootId: b.mesh.bootId } });
    expect((last?.atMs ?? 0) - goneMs).toBeLessThan(2_000);
    expect(a.mesh.send(b.mesh.self, number(5))).toBe(true);
    await eventually("a frame arrived", () => again.frames.length === 1);
  });

  it("a node that stopped is refused at once, without waiting for silence", async () => {
    const [a, b] = [await node(), await node()];
    await connect([a, b]);
    const goneMs = performance.now();
    await b.mesh.close();
    await eventually("down", () => a.sightings.length === 2);
    expect(a.sightings[1]).toMatchObject({ kind: "down", reason: "refused" });
    expect((a.sightings[1]?.atMs ?? 0) - goneMs).toBeLessThan(1_000);
  });

  it("a node that only dials is up, and down as closed once it stays away", async () => {
    const limits = { silenceMs: 800 };
    const [a, b] = [await node({ limits }), await node({ listen: [], limits })];
    await connect([a, b]);
    expect(a.mesh.send(b.mesh.self, number(1))).toBe(true);
    expect(b.mesh.send(a.mesh.self, number(2))).toBe(true);
    await eventually("both arrived", () => a.frames.length === 1 && b.frames.length === 1);
    await b.mesh.close();
    await eventually("down", () => a.sightings.length === 2);
    expect(a.sightings[1]).toMatchObject({ kind: "down", reason: "closed" });
  });

  it("an open connection without traffic stays up", async () => {
    const limits = { silenceMs: 400 };
    const [a, b] = [await node({ limits }), await node({ limits })];
    await connect([a, b]);
    await eventually("three times the silence passed", passed(1_200));
    expect([a.sightings.length, b.sightings.length]).toEqual([1, 1]);
  });

  it("a removed member is down, disconnected and refused before any stream", async () => {
    const limits = { silenceMs: 400 };
    const [a, b, c] = [await node({ limits }), await node({ limits }), await node({ limits })];
    await connect([a, b, c]);
    a.mesh.setMembers([b.member]);
    expect(a.sightings.at(-1)).toMatchObject({ kind: "down", reason: "closed", node: c.mesh.self });
    await eventually("c lost a", () => c.sightings.at(-1)?.kind === "down");
    const before = a.sightings.length;
    await eventually("c tried again", passed(500));
    expect(a.sightings.length).toBe(before);
    expect(c.mesh.send(a.mesh.self, number(1))).toBe(false);
    await expect(
      c.mesh.joinVia(a.mesh.addresses(), { id: "t", secret: Buffer.alloc(32) }, number(1)),
    ).rejects.toMatchObject({ code: "MESH_JOIN_UNREACHABLE" });
    expect(a.mesh.send(b.mesh.self, number(1))).toBe(true);
  });

  it("an outsider that lists everybody as members is refused by all", async () => {
    const [a, b, outsider] = [await node(), await node(), await node()];
    await connect([a, b]);
    outsider.mesh.setMembers([a.member, b.member]);
    await eventually("it tried", passed(500));
    expect(outsider.sightings).toEqual([]);
    expect(outsider.mesh.send(a.mesh.self, number(1))).toBe(false);
    expect([a.sightings.length, b.sightings.length]).toEqual([1, 1]);
  });
});

describe("gossip", () => {
  it("reaches every subscriber with the name of its author, and again after a restart", async () => {
    const three = [await node(), await node(), await node()];
    const [a, b, c] = [first(three), three[1], three[2]];
    const heard: string[] = [];
    b?.mesh.gossip.subscribe("load", (from, bytes) => heard.push(`b ${from} ${bytes.length}`));
    c?.mesh.gossip.subscribe("load", (from, bytes) => heard.push(`c ${from} ${bytes.length}`));
    await connect(three);
    await eventually("both heard", () => {
      a.mesh.gossip.publish("load", new Uint8Array(3));
      return heard.includes(`b ${a.mesh.self} 3`) && heard.includes(`c ${a.mesh.self} 3`);
    });
    await a.mesh.close();
    const again = await node({ privateKey: a.key, listen: a.mesh.addresses().map(withoutPeer) });
    again.mesh.setMembers([first(three.slice(1)).member, first(three.slice(2)).member]);
    await eventually("both heard the new process", () => {
      again.mesh.gossip.publish("load", new Uint8Array(4));
      return heard.includes(`b ${a.mesh.self} 4`) && heard.includes(`c ${a.mesh.self} 4`);
    });
  });

  it("refuses a message above its bound", async () => {
    const a = await node();
    expect(() => a.mesh.gossip.publish("load", new Uint8Array(64 * 1024 + 1))).toThrow(
      expect.objectContaining({ code: "MESH_FRAME_TOO_LARGE" }),
    );
  });
});

function first(of: readonly TestNode[]): TestNode {
  const [head] = of;
  if (head === undefined) throw new Error("there is none");
  return head;
}

function withoutPeer(address: string): string {
  return address.replace(/\/p2p\/.*$/, "");
}

function passed(ms: number): () => boolean {
  const endMs = performance.now() + ms;
  return () => performance.now() >= endMs;
}
