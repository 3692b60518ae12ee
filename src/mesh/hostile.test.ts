import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connect, eventually, startNode, type TestNode } from "../../test/lib/mesh-nodes.ts";
import { framesOf, type Rogue, startRogue } from "../../test/lib/mesh-rogue.ts";
import { JobxError } from "../std/errors.ts";
import { BULK_PROTOCOL } from "./bulk.ts";
import { decodeRemoteError, ERROR_KIND, packFields, versionField } from "./fields.ts";
import { encodeFrame, type Frame } from "./framing.ts";
import { CONTROL_KIND, CONTROL_PROTOCOL, encodeHello } from "./hello.ts";
import type { MeshOptions } from "./mesh.ts";

// Real handshakes on a busy machine take their time.
vi.setConfig({ testTimeout: 20_000 });

const HELLO = encodeFrame(CONTROL_KIND.hello, encodeHello("00".repeat(16)));
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** Two honest nodes and a rogue, all members. The rogue accepts their control streams and is silent. */
async function cluster(
  options: Partial<MeshOptions> = {},
): Promise<{ a: TestNode; b: TestNode; rogue: Rogue }> {
  const [a, b, rogue] = [await startNode(options), await startNode(options), await startRogue()];
  closing.push(
    () => a.mesh.close(),
    () => b.mesh.close(),
    () => rogue.close(),
  );
  await rogue.host.handle(CONTROL_PROTOCOL, () => {});
  await connect([a, b]);
  a.mesh.setMembers([b.member, rogue.member]);
  return { a, b, rogue };
}

async function stillWell(a: TestNode, b: TestNode): Promise<void> {
  const before = b.frames.length;
  expect(a.mesh.send(b.mesh.self, Buffer.from("well"))).toBe(true);
  await eventually("a frame between the others arrived", () => b.frames.length > before);
  expect(b.sightings.length).toBe(1);
}

function codeOfLast(frames: readonly Frame[]): string {
  const last = frames.at(-1);
  if (last?.kind !== ERROR_KIND) return `no error but ${last?.kind}`;
  const { details } = decodeRemoteError(last.payload);
  return details.code === "MESH_REMOTE_ERROR" ? details.remoteCode : details.code;
}

describe("a member that breaks the control protocol", () => {
  it.each([
    ["garbage", randomBytes(1000).fill(0xff, 0, 4), "MESH_FRAME_TOO_LARGE"],
    ["data before a hello", encodeFrame(CONTROL_KIND.data, randomBytes(9)), "MESH_FRAME_MALFORMED"],
    [
      "an unknown kind",
      Buffer.concat([HELLO, encodeFrame(77, randomBytes(9))]),
      "MESH_FRAME_MALFORMED",
    ],
    ["a length without room for a kind", Buffer.alloc(5), "MESH_FRAME_MALFORMED"],
    [
      "a version of the future",
      encodeFrame(CONTROL_KIND.hello, packFields([versionField(9), randomBytes(16)])),
      "MESH_VERSION_UNKNOWN",
    ],
    [
      "the claim of a huge frame",
      Buffer.concat([HELLO, Buffer.from([0x7f, 0xff, 0xff, 0xff, CONTROL_KIND.data])]),
      "MESH_FRAME_TOO_LARGE",
    ],
  ])("is told off after %s, and nobody else is harmed", async (_what, bytes, code) => {
    const { a, b, rogue } = await cluster();
    const connection = await rogue.dial(a.mesh);
    const stream = await connection.newStream(CONTROL_PROTOCOL);
    const replies = framesOf(stream);
    stream.send(bytes);
    expect(codeOfLast(await replies)).toBe(code);
    await eventually("it is disconnected", () => connection.status !== "open");
    expect(a.warnings).toMatchObject([{ fields: { node: rogue.node, code } }]);
    await stillWell(a, b);
  });

  it("is asked again at once after it refused our stream and spoke on its own", async () => {
    const a = await startNode({ limits: { silenceMs: 600_000 } });
    const rogue = await startRogue();
    closing.push(
      () => a.mesh.close(),
      () => rogue.close(),
    );
    let asked = 0;
    // It does not know yet that the other one is a member.
    await rogue.host.handle(CONTROL_PROTOCOL, (stream) => {
      asked += 1;
      if (asked <= 2) stream.abort(new Error("members only"));
    });
    a.mesh.setMembers([{ node: rogue.node, addresses: rogue.host.getMultiaddrs().map(String) }]);
    const stream = await (await rogue.dial(a.mesh)).newStream(CONTROL_PROTOCOL);
    stream.send(HELLO);
    await eventually("it is asked again", () => asked >= 3);
  });

  it("is told off with the owner's code for a frame that the owner cannot read", async () => {
    const owner = {
      onFrame: () => {
        throw new JobxError({ code: "WIRE_MALFORMED" }, "not a message");
      },
      onPeerUp: () => {},
      onPeerDown: () => {},
    };
    const a = await startNode({ handlers: owner });
    const rogue = await startRogue();
    closing.push(
      () => a.mesh.close(),
      () => rogue.close(),
    );
    let accepted = 0;
    await rogue.host.handle(CONTROL_PROTOCOL, () => {
      accepted += 1;
    });
    a.mesh.setMembers([rogue.member]);
    const stream = await (await rogue.dial(a.mesh)).newStream(CONTROL_PROTOCOL);
    const replies = framesOf(stream);
    stream.send(HELLO);
    await eventually("a opened its stream", () => accepted === 1);
    await eventually("a saw the hello", () => a.mesh.peersUp().length === 1);
    stream.send(encodeFrame(CONTROL_KIND.data, Buffer.from("?")));
    expect(codeOfLast(await replies)).toBe("WIRE_MALFORMED");
  });

  it("is down as silent when it says nothing on an open connection", async () => {
    const { a, b, rogue } = await cluster({ limits: { silenceMs: 500 } });
    const connection = await rogue.dial(a.mesh);
    (await connection.newStream(CONTROL_PROTOCOL)).send(HELLO);
    const of = (kind: string): boolean =>
      a.sightings.some((seen) => seen.kind === kind && seen.node === rogue.node);
    await eventually("up", () => of("up"));
    await eventually("down", () => of("down"));
    expect(a.sightings.at(-1)).toMatchObject({ kind: "down", reason: "silent", node: rogue.node });
    await eventually("it is disconnected", () => connection.status !== "open");
    await stillWell(a, b);
  });
});

describe("a member that breaks the bulk protocol", () => {
  it.each([
    ["garbage", randomBytes(1000).fill(0xff, 0, 4), "MESH_FRAME_TOO_LARGE"],
    ["an end instead of a header", encodeFrame(2, Buffer.alloc(0)), "MESH_FRAME_MALFORMED"],
    [
      "a header that is too large",
      encodeFrame(0, Buffer.alloc(64 * 1024 + 1)),
      "MESH_FRAME_TOO_LARGE",
    ],
  ])(
    "gets the code after %s on that stream, and keeps its connection",
    async (_what, bytes, code) => {
      const { a, b, rogue } = await cluster();
      a.mesh.handleBulk(async function* () {
        yield Buffer.from("no");
      });
      const connection = await rogue.dial(a.mesh);
      (await connection.newStream(CONTROL_PROTOCOL)).send(HELLO);
      const stream = await connection.newStream(BULK_PROTOCOL);
      const replies = framesOf(stream);
      stream.send(bytes);
      expect(codeOfLast(await replies)).toBe(code);
      expect(connection.status).toBe("open");
      await stillWell(a, b);
    },
  );
});

describe("a stranger", () => {
  it("does no harm with garbage instead of a handshake", async () => {
    const { a, b } = await cluster();
    const { connect: connectTcp } = await import("node:net");
    const port = Number(/tcp\/(\d+)/.exec(a.mesh.addresses()[0] ?? "")?.[1]);
    const socket = connectTcp({ host: "127.0.0.1", port });
    let closed = false;
    socket.on("close", () => {
      closed = true;
    });
    socket.on("error", () => {});
    socket.write(randomBytes(10_000));
    await eventually("it is closed", () => closed);
    await stillWell(a, b);
  });
});
