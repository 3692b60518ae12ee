/** What every mesh does, the one of the simulator and libp2p alike, seen through the actors' port. */
import { describe, expect, test } from "vitest";
import type { MeshListener, MeshPort, PeerMessage } from "../../src/actors/ports.ts";

/** A node of the mesh under test. */
export interface NodeUnderTest {
  readonly port: MeshPort;
  /** As others list it as a member. */
  readonly member: Parameters<MeshPort["setMembers"]>[0][number];
}

/** How the suite gets nodes that are nobody's members yet, and how they go away. */
export interface MeshUnderTest {
  start(): Promise<NodeUnderTest>;
  /** Ends the node as if its process had died. */
  stop(node: NodeUnderTest): Promise<void>;
  /** Starts a stopped node anew, with its identity and its addresses. */
  restart(node: NodeUnderTest): Promise<NodeUnderTest>;
  /** Lets the mesh go on until the condition holds; rejects when it never does. */
  until(what: string, holds: () => boolean): Promise<void>;
  dispose(): Promise<void>;
}

interface Watched extends NodeUnderTest {
  /** Everything the listener was told, in order. */
  readonly told: string[];
}

/** Runs the suite against what `create` makes. */
export function meshSuite(create: () => Promise<MeshUnderTest>): void {
  const onMesh = (name: string, run: (mesh: MeshUnderTest) => Promise<void>): void => {
    test(name, async () => {
      const mesh = await create();
      try {
        await run(mesh);
      } finally {
        await mesh.dispose();
      }
    });
  };

  describe("a mesh", () => {
    onMesh(
      "carries messages in order, to the addressee alone, after it said that it is up",
      async (mesh) => {
        const [a, b, c] = await cluster(mesh, 3);
        for (let id = 0; id < 100; id += 1)
          expect(a.port.send(b.port.self, message(id))).toBe(true);
        await mesh.until("all arrived", () => heard(b).length === 100);
        expect(heard(b)).toEqual(Array.from({ length: 100 }, (_, id) => `${a.port.self} ${id}`));
        expect(heard(c)).toEqual([]);
        const upAt = b.told.indexOf(`up ${a.port.self}`);
        expect(upAt).toBeGreaterThanOrEqual(0);
        expect(upAt).toBeLessThan(b.told.indexOf(`message ${a.port.self} 0`));
      },
    );

    onMesh("sends nothing to a node that it does not know", async (mesh) => {
      const [a] = await cluster(mesh, 2);
      expect(a.port.send("nobody", message(1))).toBe(false);
      expect(a.port.isUp("nobody")).toBe(false);
    });

    onMesh("tells that a node died, and that it came back", async (mesh) => {
      const [a, b] = await cluster(mesh, 2);
      await mesh.stop(b);
      await mesh.until("down", () => a.told.at(-1) === `down ${b.port.self}`);
      expect([a.port.isUp(b.port.self), a.port.send(b.port.self, message(1))]).toEqual([
        false,
        false,
      ]);
      const again = watch(await mesh.restart(b));
      again.port.setMembers([a.member, b.member]);
      await mesh.until("up", () => a.told.at(-1) === `up ${b.port.self}`);
      expect(a.port.send(b.port.self, message(2))).toBe(true);
      await mesh.until("it arrived", () => heard(again).length === 1);
      expect(heard(b)).toEqual([]);
    });

    onMesh("drops a removed member at once and does not let it back", async (mesh) => {
      const [a, b, c] = await cluster(mesh, 3);
      a.port.setMembers([a.member, b.member]);
      expect([a.port.isUp(b.port.self), a.port.isUp(c.port.self)]).toEqual([true, false]);
      expect(a.port.send(c.port.self, message(1))).toBe(false);
      await mesh.until("the removed one noticed", () => !c.port.send(a.port.self, message(2)));
      expect(heard(a)).toEqual([]);
      expect(a.port.send(b.port.self, message(3))).toBe(true);
      await mesh.until("the others still talk", () => heard(b).length === 1);
      expect(a.told.at(-1)).not.toBe(`up ${c.port.self}`);
    });

    onMesh("does not let in who is no member, though it lists everybody", async (mesh) => {
      const [a, b] = await cluster(mesh, 2);
      const outsider = watch(await mesh.start());
      outsider.port.setMembers([a.member, b.member]);
      expect(a.port.send(b.port.self, message(1))).toBe(true);
      await mesh.until("time passed", () => heard(b).length === 1);
      expect(outsider.port.send(a.port.self, message(2))).toBe(false);
      expect([outsider.told, heard(a)]).toEqual([[], []]);
    });
  });
}

type AtLeastThree = readonly [Watched, Watched, Watched, ...Watched[]];

/** Nodes that are all members and up for each other. */
async function cluster(mesh: MeshUnderTest, count: number): Promise<AtLeastThree> {
  const nodes: Watched[] = [];
  for (let index = 0; index < count; index += 1) nodes.push(watch(await mesh.start()));
  const members = nodes.map(({ member }) => member);
  for (const { port } of nodes) port.setMembers(members);
  await mesh.until("all are up for each other", () =>
    nodes.every(({ port }) => members.every(({ node }) => node === port.self || port.isUp(node))),
  );
  const [a, b, c = a] = nodes;
  if (a === undefined || b === undefined || c === undefined) throw new Error("too few nodes");
  return [a, b, c];
}

function watch(node: NodeUnderTest): Watched {
  const told: string[] = [];
  const listener: MeshListener = {
    message: (from, got) => told.push(`message ${from} ${got.kind === "call" ? got.id : got.kind}`),
    peerUp: (peer) => told.push(`up ${peer}`),
    peerDown: (peer) => told.push(`down ${peer}`),
  };
  node.port.listen(listener);
  return { ...node, told };
}

function heard({ told }: Watched): string[] {
  return told
    .filter((line) => line.startsWith("message "))
    .map((line) => line.slice("message ".length));
}

function message(id: number): PeerMessage {
  return {
    kind: "call",
    id,
    call: { kind: "wait", group: 1, request: 1, waitMs: 0, knowsPaused: false },
  };
}
