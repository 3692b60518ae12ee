import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { HANDLER_BODIES } from "../../test/fixtures/handlers/bodies.ts";
import {
  failureOf,
  HandlerKit,
  handlerOf,
  type Pair,
  resultOf,
} from "../../test/lib/handler-kit.ts";
import type { HandlerType } from "../wire/dataset.ts";

type Body = keyof (typeof HANDLER_BODIES)["javascript"];

let kit: HandlerKit;
beforeAll(async () => {
  kit = await HandlerKit.open({ slots: 2 });
});
afterAll(() => kit.close());
// Real processes on a machine that does other things as well.
vi.setConfig({ testTimeout: 60_000 });

const TEXT: Pair[] = [
  [0, "b a b"],
  [1, "a b"],
];

describe.each(["javascript", "python"] as const)("%s", (language) => {
  const of = (type: HandlerType, body: Body, argumentType: "list" | "dict" | null = "list") =>
    handlerOf(language, type, HANDLER_BODIES[language][body], { argumentType });
  const mapper = (body: Body, argumentType: "list" | "dict" | null = "list") => ({
    mapper: of("mapper", body, argumentType),
  });

  test("a leaf is mapped, sorted and reduced in one attempt", async () => {
    const handlers = { ...mapper("words", null), reducer: of("reducer", "sum") };
    const outcome = await kit.map(handlers, TEXT);
    expect(outcome).toMatchObject({ kind: "reduced", warnings: [], session: [] });
    expect(await resultOf(kit, outcome)).toEqual([
      ["a", 2],
      ["b", 3],
    ]);
  });

  test("a combiner's lists are what the reducer gets", async () => {
    const handlers = {
      ...mapper("words", null),
      combiner: of("combiner", "combine"),
      reducer: of("reducer", "sum"),
    };
    expect(await resultOf(kit, await kit.map(handlers, TEXT))).toEqual([
      ["a", 200],
      ["b", 300],
    ]);
  });

  test("what passes between the handlers of a leaf is not stored", async () => {
    const stored = () => readdir(join(kit.directory, "blocks"), { recursive: true });
    const mapped = mapper("words", null);
    const reducer = of("reducer", "sum");
    const combiner = of("combiner", "combine");
    const pairs: Pair[] = [[0, `${language} `.repeat(5_000).trim()]];
    // The input is stored, and is there before the look at the disk.
    await kit.dataset(pairs);
    const before = await stored();
    for (const handlers of [
      { ...mapped, reducer },
      { ...mapped, combiner },
      { ...mapped, combiner, reducer },
    ]) {
      expect((await kit.map(handlers, pairs)).kind).not.toBe("failed");
      expect(await stored()).toEqual(before);
    }
    await kit.map(mapped, pairs);
    expect((await stored()).length).toBeGreaterThan(before.length);
  });

  test("a combiner gets each key once, in key order, and what it yields is sorted again", async () => {
    const handlers = {
      ...mapper("words", null),
      combiner: of("combiner", "turnRound"),
    };
    expect(await resultOf(kit, await kit.map(handlers, TEXT))).toEqual([
      [-2, ["b", [1, 1, 1]]],
      [-1, ["a", [1, 1]]],
    ]);
  });

  test("a key with many values reaches the combiner as one list", async () => {
    const pairs = Array.from({ length: 30_000 }, (): Pair => [0, "k"]);
    const handlers = { ...mapper("words", null), combiner: of("combiner", "combine") };
    expect(await resultOf(kit, await kit.map(handlers, pairs))).toEqual([["k", 3_000_000]]);
  });

  test("without a reducer the outcome is the combined pairs, in key order", async () => {
    const outcome = await kit.map(mapper("words", null), TEXT);
    expect(outcome.kind).toBe("combined");
    expect(await resultOf(kit, outcome)).toEqual([
      ["a", 1],
      ["a", 1],
      ["b", 1],
      ["b", 1],
      ["b", 1],
    ]);
  });

  test("a mapper that maps to a step has children in yield order", async () => {
    const outcome = await kit.map(mapper("toStep"), [
      ["z", 1],
      ["a", 2],
    ]);
    expect(outcome).toMatchObject({ kind: "mapped", step: "words" });
    expect(await resultOf(kit, outcome)).toEqual([
      ["z", 1],
      ["a", 2],
    ]);
  });

  test("a reduce unit merges its inputs and cuts its output by key", async () => {
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    const half = () => kit.sortedDataset(keys.map((key): Pair => [key, 1]));
    const outcome = await kit.reduce(of("reducer", "sum"), [await half(), await half()], {
      parts: 3,
    });
    const parts = await resultOf(kit, outcome);
    expect(Array.isArray(parts) && parts.length).toBe(3);
    const all: readonly unknown[] = Array.isArray(parts) ? parts.flat() : [];
    expect(all.map((pair) => JSON.stringify(pair)).sort()).toEqual(
      keys.map((key) => JSON.stringify([key, 2])).sort(),
    );
  });

  test("a key with many values reaches the reducer as one list", async () => {
    const pairs = Array.from({ length: 30_000 }, (): Pair => ["k", 1]);
    const outcome = await kit.reduce(of("reducer", "sum"), [await kit.sortedDataset(pairs)]);
    expect(await resultOf(kit, outcome)).toEqual([["k", 30_000]]);
  });

  test("streams 100,000 pairs through, and keeps them in order", async () => {
    const pairs = Array.from({ length: 100_000 }, (_, index): Pair => [index, `value ${index}`]);
    const outcome = await kit.map(mapper("copy", null), pairs);
    expect(JSON.stringify(await resultOf(kit, outcome)) === JSON.stringify(pairs)).toBe(true);
  });

  test("a handler that yields much before it reads does not deadlock", async () => {
    const pairs = Array.from({ length: 20_000 }, (_, index): Pair => [index, "x".repeat(100)]);
    const outcome = await kit.map(mapper("early", null), pairs);
    expect(outcome.kind === "mapped" && outcome.children.reduce((n, p) => n + p.count, 0)).toBe(
      120_000,
    );
  });

  test("a handler that never reads its input ends, and the next call has its own input", async () => {
    const pairs = Array.from({ length: 50_000 }, (_, index): Pair => [index, "x".repeat(100)]);
    for (let round = 0; round < 3; round++) {
      const outcome = await kit.map(mapper("deaf", null), pairs);
      expect(await resultOf(kit, outcome)).toEqual([["only", 1]]);
      expect(await resultOf(kit, await kit.map(mapper("toStep"), [["mine", round]]))).toEqual([
        ["mine", round],
      ]);
    }
  });

  test("a handler may return its pairs", async () => {
    expect(await resultOf(kit, await kit.map(mapper("returned"), []))).toEqual([[1, 2]]);
  });

  test("a reducer that yields nothing for some input is warned of, for no input it is not", async () => {
    const some = await kit.sortedDataset([["a", 1]]);
    const outcome = await kit.reduce(of("reducer", "nothing"), [some]);
    expect(outcome).toMatchObject({ kind: "reduced", parts: [[]] });
    expect(outcome.kind === "reduced" && outcome.warnings.length).toBe(1);
    expect(await kit.reduce(of("reducer", "nothing"), [])).toMatchObject({ warnings: [] });
  });

  test.each([
    ["noDirection", "HANDLER_NO_DIRECTION"],
    ["notPair", "HANDLER_OUTPUT_INVALID"],
    ["nan", "HANDLER_VALUE_NOT_EXACT"],
    ["surrogate", "HANDLER_VALUE_NOT_EXACT"],
    ["bigKey", "HANDLER_VALUE_NOT_EXACT"],
    ["huge", "HANDLER_VALUE_TOO_LARGE"],
    ["badStep", "HANDLER_OUTPUT_INVALID"],
    ["loads", "HANDLER_LOAD_FAILED"],
    ["garbage", "HANDLER_PROTOCOL"],
    ["fillSession", "HANDLER_SESSION_TOO_LARGE"],
  ] as const)("%s fails with %s, and the next attempt is not harmed", async (body, code) => {
    expect(failureOf(await kit.map(mapper(body), [[1, 2]]))?.code).toBe(code);
    expect(await resultOf(kit, await kit.map(mapper("toStep"), [[1, 2]]))).toEqual([[1, 2]]);
  });

  test.each([
    ["nan", language === "python" ? 3 : 1],
    ["surrogate", language === "python" ? 3 : 1],
    ["bigKey", language === "python" ? 3 : 1],
    ["huge", language === "python" ? 3 : 1],
    ["secondYield", 4],
  ] as const)(
    "for what cannot be kept, %s tells the line that has yielded it",
    async (body, line) => {
      const traceback = failureOf(await kit.map(mapper(body), [[1, 2]]))?.traceback;
      const place = {
        python: `File "a.mapper.py", line ${line}, in map`,
        javascript: `.mjs:${line}:`,
      };
      expect(traceback).toContain(place[language]);
    },
  );

  test("what a handler throws is told with traceback, stdout and stderr", async () => {
    const outcome = await kit.map(mapper("throws"), []);
    const error = failureOf(outcome);
    expect(error).toMatchObject({ code: "HANDLER_FAILED", stdout: "printed\n" });
    // Its worker lives on.
    expect(outcome).toMatchObject({ exit: undefined });
    expect(error?.message).toContain("on purpose");
    expect(error?.traceback).toContain("a.mapper");
    expect(error?.stderr).toContain("complained");
  });

  test("a worker that exits in a call fails the attempt with its code and last words", async () => {
    const outcome = await kit.map(mapper("exits"), []);
    expect(outcome).toMatchObject({ exit: { kind: "code", code: 3 } });
    const error = failureOf(outcome);
    expect(error?.code).toBe("HANDLER_CRASHED");
    expect(error?.message).toContain("with code 3");
    expect(error?.stderr).toContain("last words");
  });

  test("a busy handler is killed at its timeout, and what it printed is kept", async () => {
    const outcome = await kit.map(mapper("hangs"), [], { timeoutMs: 4000 });
    expect(failureOf(outcome)).toMatchObject({ code: "HANDLER_TIMEOUT", stdout: "stuck\n" });
    expect(outcome).toMatchObject({ exit: { kind: "signal", signal: "SIGKILL" } });
  });

  test("giving a unit up kills its handler and releases it with the reason", async () => {
    const controller = new AbortController();
    const running = kit.map(mapper("hangs"), [], {
      context: {
        signal: controller.signal,
        onOutput: () => controller.abort(new Error("drain")),
      },
    });
    const exit = { kind: "signal", signal: "SIGKILL" };
    expect(await running).toEqual({ kind: "released", reason: "drain", exit });
  });

  test("10 MB of prints disturb nothing; the end of them is kept when the attempt fails", async () => {
    expect(await resultOf(kit, await kit.map(mapper("prints"), [[1, false]]))).toEqual([[1, 1]]);
    const error = failureOf(await kit.map(mapper("prints"), [[1, true]]));
    expect(error?.message).toContain("after much");
    expect(error?.stdout.length).toBeLessThan(70_000);
    expect(error?.stdout).toMatch(/^\[\d+ bytes before this were not kept\]\ny+/);
  });

  test("what an attempt that ended well has printed comes with its outcome, the end of it", async () => {
    const quiet = await kit.map(mapper("toStep"), [[1, 2]]);
    expect(quiet.kind === "mapped" && "printed" in quiet).toBe(false);
    const outcome = await kit.map(mapper("prints"), [[1, false]]);
    const printed = outcome.kind === "mapped" ? outcome.printed : undefined;
    expect(printed?.stdout).toMatch(/^\[\d+ bytes before this were not kept\]\ny+\s*$/);
    expect(printed?.stdout.length).toBeLessThan(4200);
  });

  test("a reducer in the same attempt reads the mapper's session, the last write wins", async () => {
    const handlers = { ...mapper("session"), reducer: of("reducer", "readSession") };
    const outcome = await kit.map(handlers, [], { keepYieldOrder: true });
    const entries = [
      ["a", 2],
      [["b"], { c: 3 }],
    ];
    expect(await resultOf(kit, outcome)).toEqual([
      ["seen", 2],
      ["list", entries],
      ["get", [2, null]],
    ]);
    expect(outcome.kind === "reduced" && (await kit.pairsOf(outcome.session))).toEqual(entries);
  });

  test("a reducer elsewhere reads the session from its dataset, and may not write it", async () => {
    const mapped = await kit.map(mapper("session"), []);
    const session = mapped.kind === "combined" ? mapped.session : [];
    const outcome = await kit.reduce(of("reducer", "readSession"), [], {
      session,
      keepYieldOrder: true,
    });
    expect(await resultOf(kit, outcome)).toMatchObject([{ 0: "list" }, ["get", [2, null]]]);
    const refused = await kit.reduce(of("reducer", "writeSession"), []);
    expect(failureOf(refused)?.code).toBe("HANDLER_SESSION_READ_ONLY");
  });

  test("a worker is kept warm: the source is asked for once, and module state is its version's", async () => {
    const own = await HandlerKit.open();
    try {
      const calls = async () => {
        const outcome = await own.map(mapper("counter"), []);
        return outcome.kind === "mapped" ? own.pairsOf(outcome.children) : outcome;
      };
      expect(await calls()).toEqual([["calls", 1]]);
      expect(await calls()).toEqual([["calls", 2]]);
      expect(own.sourcesAsked).toBe(1);
      expect(own.pool.workers).toBe(1);
    } finally {
      await own.close();
    }
  });

  test("a slot is free while what its last unit made is being stored", async () => {
    const own = await HandlerKit.open({ slots: 1 });
    try {
      const order: string[] = [];
      let store = (): void => undefined;
      const stored = new Promise<void>((resolve) => {
        store = resolve;
      });
      const yielded = own.io.yielded.bind(own.io);
      const slow = vi.spyOn(own.io, "yielded").mockImplementation(() => {
        const sink = yielded();
        const finish = sink.finish.bind(sink);
        vi.spyOn(sink, "finish").mockImplementation(async () => {
          order.push("storing");
          await stored;
          return finish();
        });
        return sink;
      });
      const first = own.map(mapper("counter"), []).then(() => order.push("first"));
      await vi.waitFor(() => expect(order).toEqual(["storing"]));
      slow.mockRestore();
      await own.map(mapper("counter"), []);
      order.push("second");
      store();
      await first;
      expect(order).toEqual(["storing", "second", "first"]);
    } finally {
      await own.close();
    }
  });

  test("a handler runs in the attempt's directory with nothing of the node's environment", async () => {
    const outcome = await kit.map(mapper("where"), [], {
      context: { attemptDirectory: kit.directory },
    });
    const env = ["HOME", "JOBX_WORKER", "LANG", "PATH", "TMPDIR"];
    const got = await resultOf(kit, outcome);
    expect(got).toMatchObject([
      ["cwd", kit.directory],
      ["env", expect.arrayContaining(env)],
      ["names", ["a.mapper", "r1", "i1", "s1"]],
    ]);
    const pairs: readonly unknown[] = Array.isArray(got) ? got : [];
    const second: readonly unknown[] = Array.isArray(pairs[1]) ? pairs[1] : [];
    const names: unknown = second[1];
    // Python itself may add one for its locale.
    expect(Array.isArray(names) && names.filter((name) => name !== "LC_CTYPE")).toEqual(env);
  });

  test("what a handler logs is kept between what it prints, also when it fails", async () => {
    const begin = "before\n[info] plain\nbetween\n[error] loud\n";
    const mapped = await kit.map(mapper("logs"), [[1, 0]]);
    expect(mapped.kind === "mapped" && mapped.printed).toEqual({
      stdout: `${begin}[debug] line 0\n`,
      stderr: "",
    });
    const failed = await kit.map(mapper("logs"), [
      [1, 0],
      [1, 0],
    ]);
    expect(failureOf(failed)?.stdout).toBe(`${begin}${"[debug] line 0\n".repeat(2)}`);
  });

  test("a flood of logs is cut before it leaves the worker; its end is kept, with a word", async () => {
    let heardBytes = 0;
    const outcome = await kit.map(mapper("logs"), [[200_000, 0]], {
      context: {
        onOutput: (_stream, chunk) => {
          heardBytes += chunk.length;
        },
      },
    });
    const stdout = outcome.kind === "mapped" ? (outcome.printed?.stdout ?? "") : "";
    expect(stdout).toMatch(/so much is logged that only the last 20 .*\n\[warn\] 19\d{4} lines/s);
    expect(stdout.split("\n").slice(-3)).toEqual([
      "[debug] line 199998",
      "[debug] line 199999",
      "",
    ]);
    expect(heardBytes).toBeLessThan(512 * 1024);
  });

  test("a dict is made of the pairs, and a cast that cannot be is the handler's fault", async () => {
    const outcome = await kit.map(mapper("argument", "dict"), [
      ["a", 1],
      ["b", [2]],
    ]);
    expect(await resultOf(kit, outcome)).toEqual([["argument", { a: 1, b: [2] }]]);
    const list = await kit.map(mapper("argument", "dict"), [[["list", "as key"], 1]]);
    expect(failureOf(list)?.code).toBe("HANDLER_ARGUMENT_INVALID");
  });

  test("a unit that waits behind a long one is given back, and the long one goes on", async () => {
    const own = await HandlerKit.open({ slots: 1, waitingMsMax: 100 });
    try {
      const controller = new AbortController();
      let begun = (): void => undefined;
      const runs = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const context = { signal: controller.signal, onOutput: () => begun() };
      const long = own.map(mapper("hangs"), [], { context });
      await runs;
      // One that has the spare slot is not kept waiting.
      const passing = { group: 2, isSpare: true };
      expect((await own.map(mapper("words", null), TEXT, { context: passing })).kind).toBe(
        "combined",
      );
      const waiting = await own.map(mapper("counter"), []);
      expect(waiting).toEqual({ kind: "released", reason: "no slot was free for it" });
      controller.abort(new Error("the end"));
      expect(await long).toMatchObject({ kind: "released", reason: "the end" });
    } finally {
      await own.close();
    }
  });

  test("more units than slots all end", async () => {
    const handlers = {
      ...mapper("words", null),
      combiner: of("combiner", "combine"),
      reducer: of("reducer", "sum"),
    };
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => kit.map(handlers, TEXT)));
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(Array(8).fill("reduced"));
  });
});

describe("faults of the node", () => {
  test("a rejecting input rejects the run, and is no failed attempt", async () => {
    const reducer = handlerOf("python", "reducer", HANDLER_BODIES.python.sum);
    const context = { source: () => Promise.reject(new Error("no such block")) };
    const fresh = { ...reducer, ref: { ...reducer.ref, version: "f".repeat(64) } };
    await expect(kit.reduce(fresh, [], { context })).rejects.toThrow("no such block");
    expect(await kit.reduce(reducer, [])).toMatchObject({ kind: "reduced" });
  });
});
