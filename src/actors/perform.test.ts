import { expect, test } from "vitest";
import { textData, textsOf } from "../../test/lib/scheduler-values.ts";
import type { Dataset } from "../scheduler/dataset.ts";
import { keys } from "../scheduler/keys.ts";
import type { GrantInputs } from "../scheduler/protocol.ts";
import type { Row } from "../scheduler/rows.ts";
import type { HandlerRef } from "../scheduler/work.ts";
import { ActorError } from "./errors.ts";
import { Performer } from "./perform.ts";
import type { ReadRows } from "./reduce-inputs.ts";
import type { RunCopies } from "./run-copies.ts";
import type { RunnerPort } from "./work-ports.ts";

const REDUCED = { kind: "reduced", parts: [], session: [], warnings: [] } as const;

/**
 * A performer whose reduces find these block rows, and that brings inputs here by `ensure`. The runner
 * asks `asks`, and then for the next one until there is none.
 */
function performerWith(
  blocks: readonly (readonly [string, Row])[],
  ensure: (dataset: Dataset) => Promise<Dataset>,
  asks: readonly { readonly again: boolean }[] = [],
  lost: RunCopies["lost"] = () => Promise.resolve([]),
) {
  const merged: (Dataset | undefined)[] = [];
  const runner: RunnerPort = {
    beginNoMore() {},
    output: () => Promise.resolve(undefined),
    async run(_work, context) {
      for (const { again } of asks) merged.push(await context.inputs(again));
      for (;;) {
        const page = await context.inputs(false);
        merged.push(page);
        if (page === undefined)
          return { outcome: REDUCED, ranMs: 1, storedMs: 0, run: { tookMs: 5, agoMs: 2 } };
      }
    },
  };
  const read: ReadRows = (_group, { scan }) => {
    // A page of one row, so that several rows are several pages.
    const found = blocks.filter(([key]) => key >= (scan?.gte ?? "") && key < (scan?.lt ?? "~"));
    const scanned = found.slice(0, 1).map(([key, row]) => ({ key, row }));
    return Promise.resolve({ values: [], scanned, more: found.length > 1 });
  };
  const performer = new Performer({
    capabilities: () => [],
    runner,
    copies: { ensure, secure: (dataset) => Promise.resolve(dataset), lost },
    clock: { nowMs: () => 0 },
    read,
  });
  return { merged, perform: () => performer.perform(attempt()) };
}

function attempt(): Parameters<Performer["perform"]>[0] {
  const inputs: GrantInputs = { kind: "children", request: 1, path: [] };
  const reducer: HandlerRef = {
    ...{ name: "sum", version: "v", language: "javascript", type: "reducer" },
    ...{ argumentType: null, memoryBytes: undefined },
  };
  return {
    group: 1,
    grant: {
      ...{ token: { index: 1, ordinal: 0 }, count: 1, request: "w-1-1", invocation: "w-1-1.r" },
      ...{ step: "top", inputs },
      work: {
        ...{ kind: "reduce", reducer, session: [], parts: 1, inlineBytes: 4096 },
        ...{ keepYieldOrder: false, timeoutMs: 1_000 },
      },
    },
    controller: new AbortController(),
    weight: 1,
    isSpare: false,
    sinceMs: 0,
    end: undefined,
  };
}

/** More than a page holds, so that each is a page by itself. */
function large(text: string): Dataset {
  return textData(text, 1024 * 1024);
}

/** The text in a dataset. */
function nameOf(dataset: Dataset | undefined): string | undefined {
  return dataset === undefined ? undefined : textsOf(dataset).join();
}

/** A block row with one child that has this result. */
function block(at: number, text: string): readonly [string, Row] {
  return [keys.block(1, [], at), blockOf(32 * at, [large(text)])];
}

/** A block row whose children have these results, from this one on. */
function blockOf(first: number, datas: readonly (Dataset | undefined)[]): Row {
  const children = datas.map((data) => ({ data, startedAfterMs: 0, endedAfterMs: 0 }));
  const alike = { node: "n", failureCode: undefined, attempts: 1, grantedMs: 0 };
  return { kind: "block", stretches: [{ first, children, ...alike }] };
}

test("a reduce whose inputs are away takes no slot until they are here", async () => {
  let come = (): void => undefined;
  const here = new Promise<void>((resolve) => {
    come = resolve;
  });
  const { merged, perform } = performerWith([block(0, "a")], async (dataset) => {
    await here;
    return dataset;
  });
  const end = perform();
  await new Promise((resolve) => setImmediate(resolve));
  expect(merged).toEqual([]);
  come();
  // By this node's clock, which stands at 0.
  const run = { tookMs: 5, throughMs: -2 };
  expect(await end).toMatchObject({ outcome: REDUCED, run });
  expect(merged.map(nameOf)).toEqual(["a", undefined]);
});

test("inputs of many pages are all brought here first, and merged in their order", async () => {
  const brought: Dataset[] = [];
  const pages = [block(0, "a"), block(1, "b"), block(2, "c")];
  const { merged, perform } = performerWith(pages, (dataset) => {
    if (merged.length === 0) brought.push(dataset);
    return Promise.resolve(dataset);
  });
  await perform();
  // The first is the session's.
  expect(brought.slice(1, 4).map(nameOf)).toEqual(["a", "b", "c"]);
  expect(merged.map(nameOf)).toEqual(["a", "b", "c", undefined]);
});

test.each([[["a"]], [["a", "b", "c"]]])(
  "inputs %j are given from the first on again",
  async (names) => {
    const blocks = names.map((name, at) => block(at, name));
    const asks = [...names.map(() => ({ again: false })), { again: true }];
    const { merged, perform } = performerWith(blocks, (dataset) => Promise.resolve(dataset), asks);
    await perform();
    expect(merged.map(nameOf)).toEqual([...names, ...names, undefined]);
  },
);

test("inputs that cannot be reached give the unit back, and so do lost ones that came back", async () => {
  const codes = ["RUN_UNREACHABLE", "RUN_LOST"] as const;
  const outcomes = codes.map((code) => {
    const error = new ActorError({ code }, "on node-2");
    return performerWith([block(0, "a")], () => Promise.reject(error)).perform();
  });
  const [away, back] = await Promise.all(outcomes);
  expect(away?.outcome).toMatchObject({ kind: "released", reason: "RUN_UNREACHABLE: on node-2" });
  expect(back?.outcome).toMatchObject({ kind: "released", reason: "RUN_LOST: on node-2" });
});

test("all lost runs of a reduction's input are told at once, with who has made them", async () => {
  const error = new ActorError({ code: "RUN_LOST" }, "on node-2");
  const ensure = () => Promise.reject(error);
  const size = { bytes: 1, count: 1, order: "key", holders: ["n"] } as const;
  const own = (text: string): Dataset => [{ kind: "run", cid: text.repeat(64), ...size }];
  const rows: (readonly [string, Row])[] = [
    [keys.block(1, [], 0), blockOf(0, [own("a"), undefined, own("c")])],
    [keys.block(1, [], 1), blockOf(32, [own("d")])],
    [keys.result(1, [], { part: 0, child: 1, unit: 3 }), { kind: "result", data: own("b") }],
  ];
  const { perform } = performerWith(rows, ensure, [], (runs) =>
    Promise.resolve(runs.filter(({ cid }) => !cid.startsWith("c"))),
  );
  expect((await perform()).outcome).toEqual({
    kind: "lacking",
    error: {
      code: "RUN_LOST",
      message: "RUN_LOST: on node-2",
      traceback: "",
      stdout: "",
      stderr: "",
    },
    lost: [
      { cid: "a".repeat(64), child: 0, unit: 0 },
      { cid: "b".repeat(64), child: 1, unit: 3 },
      { cid: "d".repeat(64), child: 32, unit: 0 },
    ],
  });
});

const ACCESS = { url: "http://here", workflow: "w", token: "t" };

/** How an attempt ends whose files are made ready by `prepare`, and what was asked on the way. */
async function endWithFiles(
  how: "succeeds" | "fails",
  prepare: () => Promise<boolean> = () => Promise.resolve(true),
) {
  const told: unknown[] = [];
  const performer = new Performer({
    capabilities: () => [],
    runner: {
      beginNoMore() {},
      output: () => Promise.resolve(undefined),
      run(_work, { volume }) {
        told.push(["run", volume]);
        if (how === "fails") return Promise.reject(new Error("no"));
        return Promise.resolve({ outcome: REDUCED, ranMs: 1, storedMs: 0, run: undefined });
      },
    },
    copies: {
      ensure: (dataset) => Promise.resolve(dataset),
      secure: (dataset) => Promise.resolve(dataset),
      lost: () => Promise.resolve([]),
    },
    clock: { nowMs: () => 0 },
    volumes: {
      open: ({ group, request }) => {
        told.push(["open", `${group} ${request}`]);
        return Promise.resolve(ACCESS);
      },
      close: (closed) => told.push(["close", closed]),
      prepare: (closed) => {
        told.push(["prepare", closed]);
        return prepare();
      },
    },
    read: () => Promise.resolve({ values: [], scanned: [], more: false }),
  });
  return { told, end: await performer.perform(attempt()) };
}

test.each(["succeeds", "fails"] as const)(
  "the volume is open while the runner has the unit that %s, and only what it wrote well is made ready",
  async (how) => {
    const { told, end } = await endWithFiles(how);
    expect(told).toEqual([
      ["open", "1 w-1-1"],
      ["run", ACCESS],
      ["close", ACCESS],
      ...(how === "fails" ? [] : [["prepare", ACCESS]]),
    ]);
    expect(end.hasFiles).toBe(how !== "fails");
  },
);

test("an attempt whose files cannot be made ready fails with their code, or is given back where that passes", async () => {
  const refusing = (code: "NO_MAJORITY" | "WORKFLOW_UNKNOWN") => () =>
    Promise.reject(new ActorError({ code }, "not now"));
  const { end: given } = await endWithFiles("succeeds", refusing("NO_MAJORITY"));
  expect(given).toMatchObject({ outcome: { kind: "released" }, hasFiles: false });
  const { end: refused } = await endWithFiles("succeeds", refusing("WORKFLOW_UNKNOWN"));
  expect(refused).toMatchObject({
    outcome: { kind: "failed", error: { code: "WORKFLOW_UNKNOWN" } },
  });
});
