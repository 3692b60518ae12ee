import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DataPlaneKit, HANDLERS } from "../../../test/lib/data-plane-kit.ts";
import { isJobxError, JobxError } from "../../std/errors.ts";
import { silentLog } from "../../std/log.ts";
import type { Dataset, RunPiece, Work } from "../../wire/dataset.ts";
import { DataPlane } from "./data-plane.ts";

/** Something that a test waits for. */
class Latch {
  readonly opened: Promise<void>;
  open = (): void => undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** Threads and workers start in it, on a machine that is busy with other tests. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const silent = new AbortController().signal;

let kit: DataPlaneKit;
beforeAll(async () => {
  kit = await DataPlaneKit.open();
});
afterAll(() => kit.close());

const numbered = (index: number) => [index, `${index} `.padEnd(1024, "x")] as const;

/** Two mebibytes of pairs as a run. */
async function largeRun(at: DataPlaneKit): Promise<RunPiece> {
  const dataset = await at.plane.storePairs(
    Array.from({ length: 2048 }, (_, index) => numbered(index)),
  );
  const [piece] = dataset;
  if (piece?.kind !== "run") throw new Error("not a run");
  return piece;
}

async function* drainNothing(): AsyncGenerator<Uint8Array> {}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isJobxError(error) ? error.code : String(error);
  }
  return "resolved";
}

async function drain(slices: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const slice of slices) all.push(slice);
  return Buffer.concat(all);
}

const blockFile = (at: DataPlaneKit, cid: string) =>
  join(at.directory, "blocks", "blocks", cid.slice(0, 2), cid);

/** An input that no executor may hand over: the thread stops at it. */
function mistakenWork(work: Work): Work {
  return work.kind === "map"
    ? { ...work, input: work.input.map((slice) => ({ ...slice, first: 5 })) }
    : work;
}

describe("units", () => {
  test("a leaf in two languages goes from pairs to reduced pairs", async () => {
    const handlers = {
      mapper: await kit.handler("words.py"),
      reducer: await kit.handler("sum.js"),
    };
    const input = await kit.plane.storePairs([
      [0, "b a b"],
      [1, "a b"],
    ]);
    expect(input).toMatchObject([{ kind: "inline", count: 2, order: "yield" }]);
    const outcome = await kit.run(kit.mapOf(handlers, input));
    expect(outcome).toMatchObject({ kind: "reduced", warnings: [] });
    const [result = []] = outcome.kind === "reduced" ? outcome.parts : [];
    expect(await kit.pairsOf(result)).toEqual([
      ["a", 2],
      ["b", 3],
    ]);
  });

  test("a reduce unit asks for its inputs until there are none", async () => {
    const reducer = await kit.handler("sum.js");
    const mapper = await kit.handler("words.py");
    const input = await kit.plane.storePairs([[0, "a b"]]);
    const leaf = await kit.run(kit.mapOf({ mapper }, input));
    const pairs: Dataset = leaf.kind === "combined" ? leaf.pairs : [];
    const inputs = [pairs, pairs, pairs];
    const outcome = await kit.run(kit.reduceOf(reducer), {
      inputs: () => Promise.resolve(inputs.shift()),
    });
    const [result = []] = outcome.kind === "reduced" ? outcome.parts : [];
    expect(await kit.pairsOf(result)).toEqual([
      ["a", 3],
      ["b", 3],
    ]);
  });

  test("inputs that cannot be had give the unit back", async () => {
    const reducer = await kit.handler("sum.js");
    const inputs = () => Promise.reject(new Error("no scheduler"));
    const outcome = await kit.run(kit.reduceOf(reducer), { inputs });
    expect(outcome.kind === "released" && outcome.reason).toContain("no scheduler");
  });

  test("what handlers leave in their process stays with their workflow", async () => {
    const own = await DataPlaneKit.open({ slots: 1 });
    const work = own.mapOf({ mapper: await own.handler("leaves.js") }, []);
    const seen: unknown[] = [];
    for (const group of [1, 2, 1]) {
      const outcome = await own.run(work, { group });
      seen.push(outcome.kind === "mapped" ? await own.pairsOf(outcome.children) : outcome);
    }
    expect(seen).toEqual([[[0, "nothing"]], [[0, "nothing"]], [[0, "a mark"]]]);
    await own.close();
  });

  test("a reduction that a stray error of another unit ends asks for its inputs again", async () => {
    const own = await DataPlaneKit.open({ slots: 1 });
    const reducer = await own.handler("trapped-count.js");
    const mapper = await own.handler("words.py");
    const leaves = await own.handler("leaves.js");
    const words = own.mapOf({ mapper }, await own.plane.storePairs([[0, "a b"]]));
    const leaf = await own.run(words);
    const pairs: Dataset = leaf.kind === "combined" ? leaf.pairs : [];
    const inputs = [pairs, pairs];
    await own.run(own.mapOf({ mapper: leaves }, []));
    const asked: boolean[] = [];
    let left = [...inputs];
    const outcome = await own.run(
      {
        kind: "reduce",
        reducer,
        session: [],
        parts: 1,
        inlineBytes: 4096,
        keepYieldOrder: false,
        timeoutMs: 30_000,
      },
      {
        inputs: (again) => {
          asked.push(again);
          if (again) left = [...inputs];
          return Promise.resolve(left.shift());
        },
      },
    );
    const [result = []] = outcome.kind === "reduced" ? outcome.parts : [];
    expect(await own.pairsOf(result)).toEqual([
      ["a", 2],
      ["b", 2],
    ]);
    expect(asked).toEqual([false, false, false, true, false, false]);
    await own.close();
  });

  test("a handler that was loaded is not asked for again", async () => {
    const mapper = await kit.handler("no-op.js");
    const source = await readFile(join(HANDLERS, "no-op.js"), "utf8");
    const work = kit.mapOf({ mapper: { ...mapper, version: "once" } }, []);
    let asked = 0;
    const context = {
      source: () => {
        asked++;
        return Promise.resolve(source);
      },
    };
    for (let round = 0; round < 4; round++) {
      expect((await kit.run(work, context)).kind).toBe("combined");
    }
    expect(asked).toBe(1);
  });

  test("an abort gives the unit back, although its handler never ends", async () => {
    const mapper = await kit.handler("hang.js");
    const abort = new AbortController();
    const outcome = kit.run(kit.mapOf({ mapper }, []), { signal: abort.signal });
    abort.abort(new Error("cancelled"));
    expect(await outcome).toEqual({ kind: "released", reason: "cancelled" });
  });

  test("what a unit prints is read while it runs, and to its end by who has begun to", async () => {
    const mapper = await kit.handler("talking.js");
    const gate = join(kit.directory, "gate");
    const input = await kit.plane.storePairs([["gate", gate]]);
    const token = { index: 7, ordinal: 1 };
    const outcome = kit.run(kit.mapOf({ mapper }, input), { request: "r7", token });
    const read = async (stdout: number, request = "r7") => {
      const so = await kit.plane.output({ request, token, stdout, stderr: 0 });
      return so && { ...so, stdout: text(so.stdout.bytes), stderr: text(so.stderr.bytes) };
    };
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
    const first = { ended: false, stdout: "first\n", stderr: "bad\n" };
    await expect.poll(() => read(0), { timeout: 50_000 }).toEqual(first);
    expect(await read(6)).toEqual({ ...first, stdout: "" });
    expect(await read(0, "r8")).toBeUndefined();
    await writeFile(gate, "");
    expect(await outcome).toMatchObject({ printed: { stdout: "first\nsecond\n" } });
    expect(await read(6)).toEqual({ ended: true, stdout: "second\n", stderr: "bad\n" });
  });

  test("two mebibytes of output become a run whose holder is this node", async () => {
    const mapper = await kit.handler("two-mebibytes.js");
    const outcome = await kit.run(kit.mapOf({ mapper }, []));
    const children = outcome.kind === "mapped" ? outcome.children : [];
    expect(children).toMatchObject([
      { kind: "run", count: 2048, order: "yield", holders: ["self"] },
    ]);
    const pairs = await kit.pairsOf(children);
    expect(pairs.length).toBe(2048);
    expect(pairs[2047]).toEqual([2047, "2047 ".padEnd(1024, "x")]);
  });
});

describe("handlers and pairs", () => {
  test("a file that does not compile is refused with its line", async () => {
    const path = join(HANDLERS, "broken.py");
    const source = await readFile(path, "utf8");
    const check = await kit.plane.checkHandlers([
      { name: "no_op", path: "no-op.js", language: "javascript", source: "export const x = 1;" },
      { name: "broken", path, language: "python", source },
    ]);
    expect(check).toMatchObject({
      kind: "refused",
      errors: [
        { code: "HANDLER_METADATA_INVALID", file: "no-op.js" },
        { code: "HANDLER_SOURCE_INVALID", file: path, line: 10 },
      ],
    });
  });

  test("a value that is not exact is refused with its code", async () => {
    expect(await codeOf(kit.plane.storePairs([[2 ** 60, 1]]))).toBe("KEY_NOT_EXACT");
  });

  test("a reader who stops early leaves nothing open", async () => {
    const run = await largeRun(kit);
    for await (const page of kit.plane.readPairs([run])) {
      expect(page[0]).toEqual([0, "0 ".padEnd(1024, "x")]);
      break;
    }
    expect((await kit.pairsOf([run])).length).toBe(2048);
  });
});

describe("runs of other nodes", () => {
  /** Serves from the node of the file, and counts blocks; others have nothing. */
  async function fetching(
    change: (node: string, bytes: Uint8Array) => Uint8Array = (_node, bytes) => bytes,
  ): Promise<{ readonly kit: DataPlaneKit; readonly asked: string[] }> {
    const asked: string[] = [];
    const other = await DataPlaneKit.open({
      self: "other",
      async *fetchBlock(node, cid) {
        asked.push(node);
        if (node === "empty") throw new JobxError({ code: "FS_BLOCK_MISSING" }, "not here");
        for await (const slice of kit.plane.serveBlock(cid)) yield change(node, slice);
      },
    });
    return { kit: other, asked };
  }

  test("a run is brought here once for all who want it at the same time", async () => {
    const run = await largeRun(kit);
    const { kit: other, asked } = await fetching();
    const wants = () => other.plane.ensure(run, ["empty", "self"], silent);
    await Promise.all([wants(), wants(), wants()]);
    await wants();
    expect(asked.filter((node) => node === "empty").length).toBe(1);
    // The manifest and at least two blocks.
    expect(asked.filter((node) => node === "self").length).toBeGreaterThan(2);
    expect(asked.filter((node) => node === "self").length).toBeLessThan(6);
    expect((await other.pairsOf([run])).length).toBe(2048);
    await other.close();
  });

  test("a node that sends something else is not believed, and the next one is asked", async () => {
    const run = await largeRun(kit);
    const { kit: other } = await fetching((node, bytes) =>
      node === "liar" ? bytes.map((byte) => byte ^ 1) : bytes,
    );
    expect(await codeOf(other.plane.ensure(run, ["liar"], silent))).toBe("FS_FETCH_DAMAGED");
    await other.plane.ensure(run, ["liar", "self"], silent);
    expect((await other.pairsOf([run])).length).toBe(2048);
    await other.close();
  });

  test("a block that was damaged here is found when it is read, and fetched again", async () => {
    const run = await largeRun(kit);
    const { kit: other, asked } = await fetching();
    await other.plane.ensure(run, ["self"], silent);
    await writeFile(blockFile(other, run.cid), "damaged");
    expect(await codeOf(drain(other.plane.serveBlock(run.cid)))).toBe("FS_BLOCK_DAMAGED");
    expect(await codeOf(drain(other.plane.serveBlock(run.cid)))).toBe("FS_BLOCK_MISSING");
    const before = asked.length;
    await other.plane.ensure(run, ["self"], silent);
    expect(asked.length).toBe(before + 1);
    expect((await drain(other.plane.serveBlock(run.cid))).length).toBeGreaterThan(100);
    await other.close();
  });

  test("a run that nobody else has is missing, and one that is here needs nobody", async () => {
    const run = await largeRun(kit);
    await kit.plane.ensure(run, [], silent);
    await kit.plane.ensure(run, ["self"], silent);
    const missing: RunPiece = { ...run, cid: "0".repeat(64) };
    expect(await codeOf(kit.plane.ensure(missing, ["self"], silent))).toBe("FS_BLOCK_MISSING");
  });

  test("a fetch that nobody waits for any more stops its source", async () => {
    const run = await largeRun(kit);
    const stopped = new Latch();
    const asked = new Latch();
    const other = await DataPlaneKit.open({
      self: "other",
      async *fetchBlock(_node, _cid, signal) {
        asked.open();
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        stopped.open();
        yield new Uint8Array(1);
      },
    });
    const abort = new AbortController();
    const fetched = codeOf(other.plane.ensure(run, ["self"], abort.signal));
    await asked.opened;
    abort.abort(new Error("enough"));
    expect(await fetched).toBe("Error: enough");
    await stopped.opened;
    await other.close();
  });
});

describe("the thread", () => {
  test("its crash ends what is under way, and the next unit runs in a new one", async () => {
    const own = await DataPlaneKit.open();
    const hang = await own.handler("hang.js");
    const mapper = await own.handler("no-op.js");
    const input = await own.plane.storePairs([[0, 0]]);
    const running = own.run(own.mapOf({ mapper: hang }, []));
    const checking = codeOf(own.plane.storePairs(endless()));
    const mistake = own.run(mistakenWork(own.mapOf({ mapper }, input)));
    for (const outcome of await Promise.all([running, mistake])) {
      expect(outcome.kind === "released" && outcome.reason).toMatch(/^DATA_PLANE_CRASHED/);
    }
    expect(await checking).toBe("DATA_PLANE_CRASHED");
    expect((await own.run(own.mapOf({ mapper }, input))).kind).toBe("combined");
    await own.close();
  });

  test("a unit that every crash was around for fails", async () => {
    const own = await DataPlaneKit.open();
    const mapper = await own.handler("no-op.js");
    const input = await own.plane.storePairs([[0, 0]]);
    const work = mistakenWork(own.mapOf({ mapper }, input));
    const kinds: string[] = [];
    for (let round = 0; round < 3; round++) {
      kinds.push((await own.run(work, { invocation: "same" })).kind);
    }
    expect(kinds).toEqual(["released", "released", "failed"]);
    await own.close();
  });

  test("closing gives units back, and what comes after is refused", async () => {
    const own = await DataPlaneKit.open();
    const mapper = await own.handler("hang.js");
    const running = own.run(own.mapOf({ mapper }, []));
    await Promise.all([own.close(), own.close()]);
    expect((await running).kind).toBe("released");
    expect((await own.run(own.mapOf({ mapper }, []))).kind).toBe("released");
    expect(await codeOf(own.plane.storePairs([[1, 1]]))).toBe("DATA_PLANE_CLOSED");
    expect(await codeOf(drain(own.plane.serveBlock("0".repeat(64))))).toBe("DATA_PLANE_CLOSED");
  });

  test("draining lets units end and takes no new ones", async () => {
    const own = await DataPlaneKit.open();
    const mapper = await own.handler("two-mebibytes.js");
    const running = own.run(own.mapOf({ mapper }, []));
    const drained = own.plane.close(true);
    expect((await own.run(own.mapOf({ mapper }, []))).kind).toBe("released");
    expect((await running).kind).toBe("mapped");
    await drained;
    await own.close();
  });

  test("a directory that cannot be made is an error of the start", async () => {
    const file = join(kit.directory, "file");
    await writeFile(file, "");
    const options = { self: "x", slots: 1, log: silentLog, fetchBlock: () => drainNothing() };
    expect(await codeOf(DataPlane.start({ ...options, directory: file }))).toBe("FS_IO");
  });
});

function* endless(): Generator<readonly [number, string]> {
  for (let index = 0; ; index++) yield [index, "x".repeat(1000)];
}
