/** Short leaves that share a slot: what one of them does is its own affair. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  HandlerKit,
  handlerOf,
  type RunOptions,
  type TestHandler,
} from "../../test/lib/handler-kit.ts";
import type { Outcome } from "../wire/dataset.ts";
import { LeafBatch } from "./leaf-batch.ts";
import { STUCK_MS } from "./leaf-sweep.ts";
import { LiveOutput } from "./live-output.ts";

const UNITS = 24;
/** Runs one after the other before a kind of unit is known to be short, also on a busy machine. */
const WARM_RUNS = 12;

/** A mapper that does what its argument says, and passes it on. */
const MAP = `export function* map(args, ctx) {
  const [[key, what]] = [...args];
  if (what === "throws") throw new Error("bad " + key);
  if (what === "prints and throws") { console.log("printed " + key); throw new Error("bad " + key); }
  if (what.startsWith("logs")) { ctx.log("logged " + key); setTimeout(() => ctx.log("late"), 0); }
  if (what === "logs and throws") throw new Error("bad " + key);
  if (what === "prints") console.log("printed " + key);
  if (what === "exits") process.exit(3);
  if (what === "leaves") {
    const { spawn } = process.getBuiltinModule("node:child_process");
    spawn("/bin/sleep", ["1000"], { detached: true, stdio: "ignore" }).unref();
  }
  if (what === "hangs") for (;;);
  if (what === "talks and hangs") {
    const endMs = Date.now() + 2 * ${STUCK_MS};
    while (Date.now() < endMs);
    console.log("talked " + key);
    for (;;);
  }
  if (what === "maps") { yield ctx.mapTo("next"); yield [key, 1]; return; }
  if (what === "twice") { yield ctx.toReturn(); yield ctx.toReturn(); return; }
  if (what === "nothing") return;
  yield ctx.toReturn();
  if (what === "session") ctx.session.set("s", key);
  if (what === "large") for (let at = 0; at < 40; at++) yield [at, "x".repeat(10_000)];
  else { yield [key, 1]; yield [key, 2]; yield ["a", key]; }
}`;
const COMBINE = `export function* combine(results) {
  for (const [key, values] of results) yield [key, [...values, "combined"]];
}`;
const PYTHON_MAP = `def map(args, ctx):
    key, what = args[0]
    if what.startswith("logs"): ctx.log("logged %s", key)
    if what.endswith("throws"): raise Exception("bad " + key)
    yield ctx.to_return()
`;
const REDUCE = `export function* reduce(results, ctx) {
  for (const [key, values] of results) yield [key, values];
  const kept = ctx.session.get("s");
  if (kept !== undefined) yield ["session", kept];
}`;

let number = 0;
let kit: HandlerKit;

beforeAll(async () => {
  kit = await HandlerKit.open({ slots: 2 });
});

afterAll(() => kit.close());

interface Handlers {
  readonly mapper: TestHandler;
  readonly combiner?: TestHandler;
  readonly reducer: TestHandler;
}

/** Handlers that no test before has used. */
function handlers(): Handlers {
  number += 1;
  const argumentType = "list";
  return {
    mapper: handlerOf("javascript", "mapper", `${MAP} // ${number}`, { argumentType }),
    reducer: handlerOf("javascript", "reducer", REDUCE, { argumentType }),
  };
}

/** Runs the units side by side after some that have shown how short they are. */
async function together(
  whats: readonly string[],
  about: {
    readonly handlers?: Handlers;
    readonly options?: (at: number) => RunOptions;
    /** What those before them do. */
    readonly warm?: string;
  } = {},
): Promise<{
  readonly outcomes: readonly Outcome[];
  /** Workers that were asked for. */
  readonly acquired: number;
  /** Which unit ended when. */
  readonly order: readonly number[];
}> {
  const { handlers: used = handlers(), options = () => ({}) } = about;
  for (let run = 0; run < WARM_RUNS; run++) await kit.map(used, [["warm", about.warm ?? ""]]);
  const acquire = vi.spyOn(kit.pool, "acquire");
  try {
    const order: number[] = [];
    const units = whats.map(async (what, at) => {
      const outcome = await kit.map(used, [[`k${at}`, what]], options(at));
      order.push(at);
      return outcome;
    });
    const outcomes = await Promise.all(units);
    return { outcomes, acquired: acquire.mock.calls.length, order };
  } finally {
    acquire.mockRestore();
  }
}

/** By this clock they are short, however busy the machine is. */
async function onQuickClock(run: () => Promise<void>, slots = 2): Promise<void> {
  const usual = kit;
  kit = await HandlerKit.open({ slots, clock: { nowMs: () => performance.now() / 1000 } });
  try {
    await run();
  } finally {
    await kit.close();
    kit = usual;
  }
}

/** `UNITS` units of which one does something else. */
function oneIs(what: string): readonly string[] {
  return Array.from({ length: UNITS }, (_, at) => (at === 7 ? what : ""));
}

async function pairsOf(outcome: Outcome | undefined): Promise<unknown> {
  return outcome?.kind === "reduced" ? kit.pairsOf(outcome.parts.flat()) : outcome;
}

function ownPairs(at: number): unknown {
  return [
    ["a", [`k${at}`]],
    [`k${at}`, [1, 2]],
  ];
}

/** All but number 7 ended as if they had been alone. */
async function expectOthers(outcomes: readonly Outcome[]): Promise<void> {
  for (const [at, outcome] of outcomes.entries()) {
    if (at !== 7) expect(await pairsOf(outcome)).toEqual(ownPairs(at));
  }
}

function errorOf(outcome: Outcome | undefined): unknown {
  return outcome?.kind === "failed" ? outcome.error : outcome;
}

describe("short leaves", () => {
  test("share workers, and each has its own result, in the order of keys", async () => {
    await onQuickClock(async () => {
      const { outcomes, acquired } = await together(oneIs(""));
      await expectOthers(outcomes);
      expect(await pairsOf(outcomes[7])).toEqual(ownPairs(7));
      expect(acquired).toBeLessThan(UNITS);
    });
  });

  test("go through a combiner, and keep their sessions apart", async () => {
    const combiner = handlerOf("javascript", "combiner", COMBINE, { argumentType: "list" });
    const whats = Array.from({ length: UNITS }, () => "session");
    const { outcomes } = await together(whats, { handlers: { ...handlers(), combiner } });
    for (const [at, outcome] of outcomes.entries()) {
      expect(await pairsOf(outcome)).toEqual([
        ["a", [`k${at}`, "combined"]],
        [`k${at}`, [1, 2, "combined"]],
        ["session", `k${at}`],
      ]);
      const session = outcome.kind === "reduced" ? await kit.pairsOf(outcome.session) : undefined;
      expect(session).toEqual([["s", `k${at}`]]);
    }
  });

  test("one that throws fails by itself, with its own words", async () => {
    const { outcomes } = await together(oneIs("throws"));
    await expectOthers(outcomes);
    expect(errorOf(outcomes[7])).toMatchObject({
      code: "HANDLER_FAILED",
      message: "Error: bad k7",
      stdout: "",
    });
    expect(outcomes[7]).toMatchObject({ exit: undefined });
  });

  test("what one has printed is kept once, and says that others ran with it", async () => {
    const { outcomes } = await together(oneIs("prints"));
    await expectOthers(outcomes);
    expect(await pairsOf(outcomes[7])).toEqual(ownPairs(7));
    const printed = outcomes.flatMap((one) => (one.kind === "reduced" ? [one.printed] : []));
    const told = printed.filter((one) => one !== undefined);
    expect(told.length).toBe(1);
    expect(told[0]?.stdout).toMatch(/^(?:\[by one of \d+ that ran together\]\n)?printed k7\n$/);
  });

  test("what one has printed is not shown to other requests", async () => {
    const names = (at: number) => ({ request: `r${at}`, invocation: "i", step: "s" });
    const { outcomes } = await together(oneIs("prints"), {
      options: (at) => ({ context: { names: names(at) } }),
    });
    for (const [at, outcome] of outcomes.entries()) {
      expect(outcome.kind).toBe("reduced");
      if (at !== 7) expect("printed" in outcome).toBe(false);
    }
  });

  test.each([
    ["javascript", MAP],
    ["python", PYTHON_MAP],
  ] as const)(
    "what they log in %s is each one's own, and they go on sharing workers",
    async (language, source) => {
      const mapper = handlerOf(language, "mapper", source, { argumentType: "list" });
      const used = { ...handlers(), mapper };
      await onQuickClock(async () => {
        const options = (at: number) => ({
          context: { names: { request: `r${at}`, invocation: "i", step: "s" } },
        });
        const whats = Array.from({ length: UNITS }, (_, at) => {
          if (at === 7) return "logs and throws";
          return at % 2 === 0 ? "logs" : "";
        });
        const batches = vi.spyOn(LeafBatch.prototype, "run");
        const { outcomes } = await together(whats, {
          handlers: used,
          options,
          warm: "logs",
        });
        expect(batches).toHaveBeenCalled();
        batches.mockRestore();
        for (const [at, outcome] of outcomes.entries()) {
          const stdout = at % 2 === 0 || at === 7 ? `[info] logged k${at}\n` : undefined;
          if (at === 7) expect(errorOf(outcome)).toMatchObject({ code: "HANDLER_FAILED", stdout });
          else expect(outcome.kind === "reduced" && outcome.printed?.stdout).toBe(stdout);
        }
      });
    },
  );

  test("what they log and print is shown by the time that they end, as it is kept", async () => {
    const outputs = Array.from({ length: UNITS }, () => new LiveOutput());
    const text = (at: number) => outputs[at]?.stdout.text();
    const options = (at: number) => ({ context: { output: outputs[at] } });
    const whats = Array.from({ length: UNITS }, (_, at) =>
      at === 3 ? "logs" : at === 5 ? "prints" : "",
    );
    const { outcomes } = await together(whats, { options });
    for (const [at, outcome] of outcomes.entries()) {
      const printed = "printed" in outcome ? outcome.printed?.stdout : undefined;
      expect([at, text(at)]).toEqual([at, printed ?? ""]);
    }
    const all = outputs.map((output) => output.stdout.text()).join("");
    expect(all.match(/logged k3|printed k5/gu)?.length).toBe(2);
  });

  test("what one that takes long prints is shown while it runs", async () => {
    const shown = new LiveOutput();
    const controller = new AbortController();
    const signal = controller.signal;
    await onQuickClock(async () => {
      const whats = ["", "", "talks and hangs", "", ""];
      const running = together(whats, {
        options: (at) => (at === 2 ? { context: { output: shown, signal } } : {}),
      });
      await expect.poll(() => shown.stdout.text(), { timeout: 50_000 }).toContain("talked k2\n");
      controller.abort(new Error("drain"));
      const { outcomes } = await running;
      expect(outcomes.map(({ kind }) => kind).join(" ")).toBe(
        "reduced reduced released reduced reduced",
      );
    });
  });

  test("what one that fails has printed is told of it alone", async () => {
    const { outcomes } = await together(oneIs("prints and throws"));
    await expectOthers(outcomes);
    expect(errorOf(outcomes[7])).toMatchObject({
      message: "Error: bad k7",
      stdout: "printed k7\n",
    });
  });

  test("R17: one that ends the worker fails by itself; those behind it have not begun", async () => {
    const { outcomes } = await together(oneIs("exits"));
    await expectOthers(outcomes);
    expect(errorOf(outcomes[7])).toMatchObject({
      code: "HANDLER_CRASHED",
      message: "the worker process ended with code 3 during the call",
    });
    expect(outcomes[7]).toMatchObject({ exit: { kind: "code", code: 3 } });
  });

  test("one that leaves a process fails by itself, also where others or their ends hide it", async () => {
    await onQuickClock(async () => {
      for (const other of ["", "throws", "exits", "hangs"]) {
        const whats = ["", "leaves", "", other, ""];
        const options = (at: number): RunOptions => (at === 3 ? { timeoutMs: 20 * STUCK_MS } : {});
        const batches = vi.spyOn(LeafBatch.prototype, "run");
        const { outcomes } = await together(whats, { options });
        expect(batches).toHaveBeenCalled();
        batches.mockRestore();
        expect([other, errorOf(outcomes[1])]).toMatchObject([
          other,
          { code: "HANDLER_LEFT_PROCESSES" },
        ]);
        for (const at of [0, 2, 4]) expect(await pairsOf(outcomes[at])).toEqual(ownPairs(at));
        expect(outcomes[3]?.kind).toBe(other === "" ? "reduced" : "failed");
      }
      // One slot, so that those that wait behind the first are one batch.
    }, 1);
  });

  test("one that hangs fails by its own timeout, and the others do not wait for it", async () => {
    const timeoutMs = 20 * STUCK_MS;
    const options = (at: number): RunOptions => (at === 7 ? { timeoutMs } : {});
    const { outcomes, order } = await together(oneIs("hangs"), { options });
    await expectOthers(outcomes);
    expect(errorOf(outcomes[7])).toMatchObject({
      code: "HANDLER_TIMEOUT",
      message: `not finished after ${timeoutMs} ms`,
    });
    expect(outcomes[7]).toMatchObject({ exit: { kind: "signal", signal: "SIGKILL" } });
    expect(order.at(-1)).toBe(7);
    // Timers may fire a little early.
    expect(kit.lastEnd?.run?.tookMs).toBeGreaterThanOrEqual(timeoutMs - 5);
  });

  test("those that were taken with one that keeps the slot are given back, and it goes on", async () => {
    const usual = kit;
    const clock = { nowMs: () => performance.now() / 1000 };
    // On the same clock, which makes all of them short: half a second of the machine's.
    kit = await HandlerKit.open({ slots: 1, clock, waitingMsMax: 0.5 });
    try {
      const abort = new AbortController();
      const options = (at: number): RunOptions =>
        at === 0 ? { context: { signal: abort.signal } } : {};
      const whats = ["hangs", "", "", ""];
      let open = whats.length;
      const used = handlers();
      for (let run = 0; run < WARM_RUNS; run++) await kit.map(used, [["warm", ""]]);
      const outcomes = await Promise.all(
        whats.map(async (what, at) => {
          const outcome = await kit.map(used, [[`k${at}`, what]], options(at));
          open -= 1;
          // The others are through while it still hangs.
          if (open === 1) abort.abort(new Error("not wanted"));
          return outcome;
        }),
      );
      expect(outcomes.slice(1)).toEqual(
        whats.slice(1).map(() => ({ kind: "released", reason: "no slot was free for it" })),
      );
      expect(outcomes[0]?.kind).toBe("released");
    } finally {
      await kit.close();
      kit = usual;
    }
  });

  test("one that is given up is released, and the others go on", async () => {
    const abort = new AbortController();
    const options = (at: number): RunOptions =>
      at === 7 ? { context: { signal: abort.signal } } : {};
    setTimeout(() => abort.abort(new Error("not wanted")), STUCK_MS);
    // It hangs, so that it is certainly there still when it is given up.
    const { outcomes } = await together(oneIs("hangs"), { options });
    await expectOthers(outcomes);
    expect(outcomes[7]?.kind).toBe("released");
  });

  test("one that maps has its children, one that yields much its runs", async () => {
    const used = handlers();
    const { outcomes } = await together(oneIs("maps"), { handlers: used });
    await expectOthers(outcomes);
    expect(outcomes[7]).toMatchObject({ kind: "mapped", step: "next" });
    const { outcomes: large } = await together(oneIs("large"), { handlers: used });
    await expectOthers(large);
    expect(await pairsOf(large[7])).toHaveLength(40);
  });

  test.each([
    ["nothing", "HANDLER_NO_DIRECTION"],
    ["twice", "HANDLER_OUTPUT_INVALID"],
  ])("one that yields %s in place of a direction fails as it would alone", async (what, code) => {
    const { outcomes } = await together(oneIs(what));
    await expectOthers(outcomes);
    expect(errorOf(outcomes[7])).toMatchObject({ code });
  });
});
