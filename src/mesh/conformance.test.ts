import { vi } from "vitest";
import {
  type MeshUnderTest,
  meshSuite,
  type NodeUnderTest,
} from "../../test/conformance/mesh-suite.ts";
import { eventually, startNode, type TestNode } from "../../test/lib/mesh-nodes.ts";
import type { MeshListener } from "../actors/ports.ts";
import { peerMessageFormat } from "../wire/peer-message.ts";
import type { MeshOptions } from "./mesh.ts";

vi.setConfig({ testTimeout: 20_000 });

/** The actors' port over a real mesh, as the composition root makes it. */
async function start(options: Partial<MeshOptions>): Promise<[NodeUnderTest, TestNode]> {
  let listener: MeshListener | undefined;
  const node = await startNode({
    ...options,
    handlers: {
      onFrame: (from, frame) => listener?.message(from, peerMessageFormat.decode(frame)),
      onPeerUp: (peer) => listener?.peerUp(peer),
      onPeerDown: (peer) => listener?.peerDown(peer),
    },
  });
  const { mesh } = node;
  const port = {
    self: mesh.self,
    listen: (given: MeshListener) => {
      listener = given;
    },
    send: (to: string, message: Parameters<typeof peerMessageFormat.encode>[0]) =>
      mesh.send(to, peerMessageFormat.encode(message)),
    isUp: (peer: string) => mesh.isUp(peer),
    isDialable: (peer: string) => mesh.isDialable(peer),
    setMembers: (members: Parameters<typeof mesh.setMembers>[0]) => mesh.setMembers(members),
  };
  return [{ port, member: node.member }, node];
}

async function create(): Promise<MeshUnderTest> {
  const running = new Map<string, TestNode>();
  const add = async (options: Partial<MeshOptions>): Promise<NodeUnderTest> => {
    const [node, real] = await start(options);
    running.set(node.port.self, real);
    return node;
  };
  const stop = async ({ port }: NodeUnderTest): Promise<void> => {
    await running.get(port.self)?.mesh.close();
  };
  return {
    start: () => add({}),
    stop,
    restart: ({ port }) => {
      const before = running.get(port.self);
      if (before === undefined) throw new Error("it never ran");
      const listen = before.member.addresses.map((address) => address.replace(/\/p2p\/.*$/, ""));
      return add({ privateKey: before.key, listen });
    },
    until: (what, holds) => eventually(what, holds),
    dispose: async () => {
      await Promise.all([...running.values()].map(({ mesh }) => mesh.close()));
    },
  };
}

meshSuite(create);
