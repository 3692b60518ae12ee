/** Which units share a worker, and what becomes of those that others leave something to. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  failureOf,
  HandlerKit,
  handlerOf,
  machineClock,
  resultOf,
  type TestHandler,
} from "../../test/lib/handler-kit.ts";
import type { HandlerType } from "../wire/dataset.ts";
import { checkHandler } from "./handler-check.ts";

vi.setConfig({ testTimeout: 60_000 });

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const open = async (options: Parameters<typeof HandlerKit.open>[0] = {}) => {
  kit = await HandlerKit.open(options);
  return kit;
};

const javascript = (source: string, type: HandlerType = "mapper") =>
  handlerOf("javascript", type, source, { argumentType: "list" });

/** Yields the process that it runs in, and what the ones before it have left there. */
const LEAVES = {
  javascript: javascript(`export function* map(args, ctx) {
    yield ctx.mapTo("x");
    yield [process.pid, globalThis.left ?? null];
    globalThis.left = "left";
  }`),
  python: handlerOf(
    "python",
    "mapper",
    `import builtins, os
def map(args, ctx):
    yield ctx.map_to("x")
    yield os.getpid(), getattr(builtins, "left", None)
    builtins.left = "left"
`,
  ),
};

/** Runs it for a workflow. */
async function left(of: HandlerKit, mapper: TestHandler, group: number) {
  const outcome = await of.map({ mapper }, [], { context: { group } });
  if (outcome.kind !== "mapped") throw new Error(JSON.stringify(outcome));
  const [pair] = await of.pairsOf(outcome.children);
  return { pid: Number(pair?.[0]), value: pair?.[1] };
}

describe("a worker", () => {
  test.each(["javascript", "python"] as const)(
    "of %s is used again by its own workflow, and by no other one",
    async (language) => {
      const own = await open();
      const mapper = LEAVES[language];
      const first = await left(own, mapper, 1);
      expect(first.value).toBe(null);
      expect(await left(own, mapper, 1)).toEqual({ pid: first.pid, value: "left" });
      const other = await left(own, mapper, 2);
      expect(other.value).toBe(null);
      expect(other.pid).not.toBe(first.pid);
      expect(await left(own, mapper, 1)).toEqual({ pid: first.pid, value: "left" });
      expect(await left(own, mapper, 2)).toEqual({ pid: other.pid, value: "left" });
      expect(own.pool.workers).toBe(2);
    },
  );

  test.each([
    [
      "python",
      `calls = []
def map(args):
    yield MrConfigureToMap("x")
    if args: raise ValueError("on purpose")
    calls.append(1)
    yield __name__, len(calls)
`,
      ["handler(first)", "handler(second)"],
      ['File "first.py", line 4', 'File "second.py", line 4'],
    ],
    [
      "javascript",
      `let calls = 0;
export function* map(args, ctx) {
  yield ctx.mapTo("x");
  if (args.length > 0) throw new Error("on purpose");
  yield [import.meta.filename.split("/").at(-1), ++calls];
}`,
      ["first.mjs", "second.mjs"],
      ["/first.mjs:4", "/second.mjs:4"],
    ],
  ] as const)(
    "of %s keeps two handlers apart that have the same source",
    async (language, source, names, places) => {
      const own = await open();
      const [first, second] = ["first", "second"].map((name) =>
        handlerOf(language, "mapper", source, { argumentType: "list", name }),
      );
      if (first === undefined || second === undefined) throw new Error("two handlers");
      for (const [at, mapper] of [first, second, first, second].entries()) {
        const outcome = await own.map({ mapper }, []);
        const seen = [[names[at % 2], 1 + Math.floor(at / 2)]];
        expect(await resultOf(own, outcome)).toEqual(seen);
      }
      for (const [at, mapper] of [first, second].entries()) {
        const error = failureOf(await own.map({ mapper }, [[1, 2]]));
        expect(error?.traceback).toContain(places[at]);
      }
      expect(own.pool.workers).toBe(1);
    },
  );

  test("of checks runs no handler", async () => {
    const own = await open();
    const head = `/**
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
`;
    const file = {
      name: "checked",
      file: "checked.js",
      source: `${head}export function* map() {}\n`,
    };
    const check = await checkHandler(file, { pool: own.pool, timers: machineClock });
    expect(check.kind).toBe("accepted");
    const [pid] = own.pool.pids;
    expect((await left(own, LEAVES.javascript, 1)).pid).not.toBe(pid);
    expect(own.pool.pids).toContain(pid);
  });

  test("is not shared by short leaves of two workflows with the same handlers", async () => {
    // However busy the machine is, by this clock they are short.
    const clock = { nowMs: () => performance.now() / 1000 };
    const own = await open({ slots: 2, clock });
    const handlers = {
      mapper: javascript(`export function* map(args, ctx) {
        yield ctx.toReturn();
        yield [process.pid, 1];
      }`),
      reducer: javascript(
        `export function* reduce(results) { for (const [key] of results) yield [key, process.pid]; }`,
        "reducer",
      ),
    };
    const pids = async (group: number) => {
      const outcome = await own.map(handlers, [], { context: { group } });
      if (outcome.kind !== "reduced") throw new Error(JSON.stringify(outcome));
      // The mapper's process and the reducer's.
      return (await own.pairsOf(outcome.parts.flat())).flat().map(Number);
    };
    for (let round = 0; round < 12; round++) for (const group of [1, 2]) await pids(group);
    const acquire = vi.spyOn(own.pool, "acquire");
    const groups = Array.from({ length: 48 }, (_, at) => 1 + (at % 2));
    const ran = await Promise.all(groups.map(pids));
    // They did share slots.
    expect(acquire.mock.calls.length).toBeLessThan(groups.length);
    const of = (group: number) => new Set(ran.filter((_, at) => groups[at] === group).flat());
    const [one, two] = [of(1), of(2)];
    expect([...one].filter((pid) => two.has(pid))).toEqual([]);
  });
});

describe("a full pool", () => {
  const need = { language: "javascript", name: "", version: "", memoryBytes: undefined } as const;

  test("ends the worker of the workflow that has not run for longest", async () => {
    const own = await open();
    const pids: number[] = [];
    for (const group of [1, 2, 3, 4, 5]) pids.push((await left(own, LEAVES.javascript, group)).pid);
    expect(new Set(pids).size).toBe(5);
    expect(own.pool.workers).toBe(4);
    expect(own.pool.pids).toEqual(pids.slice(1));
  });

  test("takes a place of who has several, and no more than is needed", async () => {
    const own = await open({ slots: 1 });
    const acquired = [2, 1, 1, 1].map((user) => own.pool.acquire(need, { user }));
    const workers = await Promise.all(acquired);
    for (const worker of workers) own.pool.release(worker);
    const [two, first, ...others] = workers;
    const three = await own.pool.acquire(need, { user: 3 });
    expect(first?.alive).toBe(false);
    expect([two, ...others].map((worker) => worker?.alive)).toEqual([true, true, true]);
    expect(await own.pool.acquire(need, { user: 2 })).toBe(two);
    expect(own.pool.workers).toBe(4);
    own.pool.release(three);
  });

  test("ends one worker for each who waits, also when others are given back meanwhile", async () => {
    const own = await open({ slots: 1 });
    const [one, ...held] = await Promise.all(
      [1, 1, 1, 1].map((user) => own.pool.acquire(need, { user })),
    );
    const waiting = own.pool.acquire(need, { user: 2 });
    for (const worker of [one, ...held]) if (worker !== undefined) own.pool.release(worker);
    await waiting;
    expect([one, ...held].filter((worker) => worker?.alive === true).length).toBe(3);
    expect(own.pool.workers).toBe(4);
  });
});

/** Throws in whatever runs in its worker when somebody says that they are there. */
const TRAP = javascript(`export function* map(args, ctx) {
  yield ctx.mapTo("x");
  globalThis.trap = setInterval(() => {
    if (globalThis.trapped) throw new Error("left by another one");
  }, 1);
  yield [process.pid, 1];
}`);

describe("a stray error", () => {
  const request = (name: string) => ({
    context: { names: { request: name, invocation: "i", step: "s" } },
  });
  const trap = async (own: HandlerKit) => {
    await own.map({ mapper: TRAP }, [], request("r1"));
    expect(own.pool.pids.length).toBe(1);
    return own.pool.pids[0];
  };

  test("of one request does not fail a mapper of another one", async () => {
    const own = await open();
    const pid = await trap(own);
    const mapper = javascript(`export async function* map(args, ctx) {
      yield ctx.mapTo("x");
      for (const pair of args) yield pair;
      globalThis.trapped = true;
      if (globalThis.trap) await new Promise(() => {});
      yield [process.pid, "done"];
    }`);
    const outcome = await own.map({ mapper }, [[1, 2]], request("r2"));
    expect(outcome.kind).toBe("mapped");
    expect(own.pool.pids).not.toContain(pid);
    expect(await resultOf(own, outcome)).toEqual([
      [1, 2],
      [own.pool.pids[0], "done"],
    ]);
  });

  test("has what ran again reach its volume as another run of its attempt", async () => {
    const own = await open();
    await trap(own);
    const tokens: (string | undefined)[] = [];
    const server = createServer((call, answer) => {
      tokens.push(call.headers.authorization);
      answer.writeHead(404, { "content-type": "application/json" });
      answer.end(JSON.stringify({ code: "FS_NOT_FOUND", message: "no" }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const mapper = javascript(`export async function* map(args, ctx) {
      yield ctx.mapTo("x");
      yield [1, await ctx.fs.exists("x")];
      globalThis.trapped = true;
      if (globalThis.trap) await new Promise(() => {});
    }`);
    const { context } = request("r2");
    const volume = { url: `http://127.0.0.1:${port}`, workflow: "text", token: "t" };
    const outcome = await own.map({ mapper }, [], { context: { ...context, volume } });
    server.close();
    expect(await resultOf(own, outcome)).toEqual([[1, false]]);
    expect(tokens).toEqual(["Bearer t", "Bearer t.1"]);
  });

  test("of one request does not fail a reducer of another one: it gets its input again", async () => {
    const own = await open();
    await trap(own);
    const reducer = javascript(
      `export async function* reduce(results) {
        for (const [key, values] of results) yield [key, values.length];
        globalThis.trapped = true;
        if (globalThis.trap) await new Promise(() => {});
      }`,
      "reducer",
    );
    const inputs = [await own.sortedDataset([["a", 1]]), await own.sortedDataset([["a", 2]])];
    const outcome = await own.reduce(reducer, inputs, request("r2"));
    expect(await resultOf(own, outcome)).toEqual([["a", 2]]);
  });

  test("between two calls of one unit does not fail it when it is another one's", async () => {
    const own = await open();
    const waits = javascript(`export async function* map(args, ctx) {
      yield ctx.toReturn();
      yield [1, globalThis.trap === undefined];
      setImmediate(() => { globalThis.trapped = true; });
    }`);
    const reducer = javascript(
      `export async function* reduce(results) {
        if (globalThis.trap) await new Promise(() => {});
        for (const [key, values] of results) yield [key, values];
      }`,
      "reducer",
    );
    await trap(own);
    const outcome = await own.map({ mapper: waits, reducer }, [], request("r2"));
    expect(await resultOf(own, outcome)).toEqual([[1, [true]]]);
  });

  const STRAYS = `import { appendFileSync } from "node:fs";
export async function* map(args, ctx) {
  yield ctx.mapTo("x");
  appendFileSync(args[0][1], process.pid + "\\n");
  setTimeout(() => { throw new Error("its own") }, 1);
  await new Promise(() => {});
}`;

  test("of its own fails a unit at once in a worker that has served nobody else", async () => {
    const own = await open();
    const runs = join(own.directory, "runs");
    const outcome = await own.map({ mapper: javascript(STRAYS) }, [[0, runs]]);
    expect(failureOf(outcome)).toMatchObject({
      code: "HANDLER_STRAY_ERROR",
      message: "Error: its own",
    });
    expect((await readFile(runs, "utf8")).trim().split("\n").length).toBe(1);
  });

  test("of its own fails a unit in the second worker when the first has served others", async () => {
    const own = await open();
    const { pid } = await left(own, LEAVES.javascript, 1);
    const runs = join(own.directory, "runs");
    const outcome = await own.map({ mapper: javascript(STRAYS) }, [[0, runs]]);
    expect(failureOf(outcome)?.code).toBe("HANDLER_STRAY_ERROR");
    const pids = (await readFile(runs, "utf8")).trim().split("\n").map(Number);
    expect(pids.length).toBe(2);
    expect(pids[0]).toBe(pid);
    expect(pids[1]).not.toBe(pid);
  });

  test("that the unit's own mapper left behind fails it by the same code", async () => {
    const own = await open();
    const handlers = {
      mapper: javascript(`export function* map(args, ctx) {
        yield ctx.toReturn();
        yield [1, 1];
        setTimeout(() => { throw new Error("its own") }, 1);
      }`),
      reducer: javascript(
        "export async function* reduce(results) { await new Promise(() => {}); }",
        "reducer",
      ),
    };
    expect(failureOf(await own.map(handlers, []))?.code).toBe("HANDLER_STRAY_ERROR");
  });
});
