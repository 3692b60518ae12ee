import { afterEach, describe, expect, it } from "vitest";
import { connect, eventually, startNode, type TestNode } from "./fixtures.ts";
import type { MeshOptions } from "./mesh.ts";

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
