import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connect, eventually, startNode, type TestNode } from "../../test/lib/mesh-nodes.ts";
import { JobxError } from "../std/errors.ts";

// Real handshakes on a busy machine take their time.
vi.setConfig({ testTimeout: 20_000 });

const MIB = 1024 * 1024;
const nodes: TestNode[] = [];

async function pair(): Promise<[TestNode, TestNode]> {
  const two: [TestNode, TestNode] = [await startNode(), await startNode()];
  nodes.push(...two);
  await connect(two);
  return two;
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(({ mesh }) => mesh.close()));
});

const never = new AbortController().signal;

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe("bulk data", () => {
  it("arrives whole, with the header that was asked with", async () => {
    const [a, b] = await pair();
    const data = randomBytes(3 * MIB + 17);
    b.mesh.handleBulk(async function* (from, header) {
      expect([from, Buffer.from(header).toString()]).toEqual([a.mesh.self, "file 7"]);
      yield data.subarray(0, 5);
      yield data.subarray(5);
    });
    const got = await collect(
      a.mesh.requestBulk(b.mesh.self, Buffer.from("file 7"), { signal: never }),
    );
    expect(got.equals(data)).toBe(true);
  });

  it("can be empty", async () => {
    const [a, b] = await pair();
    b.mesh.handleBulk(async function* () {});
    expect(
      await collect(a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: never })),
    ).toEqual(Buffer.alloc(0));
  });

  it("passes on the handler's code after the chunks that came before", async () => {
    const [a, b] = await pair();
    b.mesh.handleBulk(async function* () {
      yield Buffer.from("part");
      throw new JobxError({ code: "FS_BLOCK_LOST" }, "every copy is gone");
    });
    const got: string[] = [];
    const reading = (async () => {
      for await (const chunk of a.mesh.requestBulk(b.mesh.self, Buffer.from(""), {
        signal: never,
      })) {
        got.push(Buffer.from(chunk).toString());
      }
    })();
    await expect(reading).rejects.toMatchObject({ details: { remoteCode: "FS_BLOCK_LOST" } });
    expect(got).toEqual(["part"]);
  });

  it("tells nothing of a failure that is not an operating error, and logs it", async () => {
    const [a, b] = await pair();
    b.mesh.handleBulk(async function* () {
      yield Buffer.from("part");
      throw new Error("a path of this machine");
    });
    const reading = collect(a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: never }));
    await expect(reading).rejects.toMatchObject({ details: { remoteCode: "MESH_BULK_FAILED" } });
    await expect(reading).rejects.not.toThrow(/path/);
    expect(b.warnings.length).toBe(1);
  });

  it("waits for a slow reader with a bounded amount on the way", async () => {
    const [a, b] = await pair();
    const total = 32;
    let yielded = 0;
    b.mesh.handleBulk(async function* () {
      for (; yielded < total; yielded += 1) yield new Uint8Array(MIB).fill(yielded);
    });
    const reading = a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: never });
    await reading.next();
    const settled = await stops(() => yielded);
    // The window, what a paused stream reads ahead, and a chunk in each hand.
    expect(settled).toBeLessThan(14);
    let bytes = MIB;
    for await (const chunk of reading) bytes += chunk.length;
    expect([bytes, yielded]).toEqual([total * MIB, total]);
  });

  it("aborts the handler when the reader stops early", async () => {
    const [a, b] = await pair();
    let aborted = false;
    let finished = false;
    b.mesh.handleBulk(async function* (_from, _header, signal) {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      try {
        for (;;) yield new Uint8Array(MIB);
      } finally {
        finished = true;
      }
    });
    for await (const _ of a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: never }))
      break;
    await eventually("the handler was told", () => aborted && finished);
  });

  it("ends with the reader's reason when its signal aborts", async () => {
    const [a, b] = await pair();
    b.mesh.handleBulk(async function* (_from, _header, signal) {
      yield Buffer.from("part");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const stop = new AbortController();
    const reading = a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: stop.signal });
    await reading.next();
    const next = reading.next();
    stop.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
  });

  it("fails when the connection breaks, and when there is none", async () => {
    const [a, b] = await pair();
    b.mesh.handleBulk(async function* () {
      for (;;) yield new Uint8Array(MIB);
    });
    const reading = a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: never });
    await reading.next();
    await b.mesh.close();
    await expect(collect(reading)).rejects.toMatchObject({ code: "MESH_STREAM_BROKEN" });
    await eventually("down", () => a.mesh.peersUp().length === 0);
    await expect(
      collect(a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: never })),
    ).rejects.toMatchObject({ code: "MESH_NOT_CONNECTED" });
  });

  it("says so when nobody handles it", async () => {
    const [a, b] = await pair();
    await expect(
      collect(a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: never })),
    ).rejects.toMatchObject({ details: { remoteCode: "MESH_BULK_UNHANDLED" } });
  });

  it("does not hold up frames", async () => {
    const [a, b] = await pair();
    b.mesh.handleBulk(async function* () {
      for (let left = 30; left > 0; left -= 1) yield new Uint8Array(MIB);
    });
    const reading = collect(a.mesh.requestBulk(b.mesh.self, Buffer.from(""), { signal: never }));
    let arrived = 0;
    for (; arrived < 10; arrived += 1) {
      a.mesh.send(b.mesh.self, Buffer.from("ping"));
      await eventually("a frame came through", () => b.frames.length > arrived);
    }
    expect((await reading).length).toBe(30 * MIB);
  });
});

/** The value once it has not changed for a while. */
async function stops(value: () => number): Promise<number> {
  let last = -1;
  let since = performance.now();
  await eventually("it stops", () => {
    if (value() !== last) since = performance.now();
    last = value();
    return performance.now() - since > 300;
  });
  return last;
}
