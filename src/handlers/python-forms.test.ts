/** What only handlers in Python have: bodies without a function, and values that JSON would change. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { HandlerKit, handlerOf, type Pair } from "../../test/lib/handler-kit.ts";
import type { Dataset, HandlerType, Outcome } from "../wire/dataset.ts";

let kit: HandlerKit;
beforeAll(async () => {
  kit = await HandlerKit.open({ slots: 2 });
});
afterAll(() => kit.close());
// Real processes on a machine that does other things as well.
vi.setConfig({ testTimeout: 60_000 });

/** The pairs of an outcome with one dataset; the outcome itself when it is another. */
async function result(outcome: Outcome): Promise<unknown> {
  const datasets: readonly Dataset[] =
    outcome.kind === "mapped"
      ? [outcome.children]
      : outcome.kind === "combined"
        ? [outcome.pairs]
        : outcome.kind === "reduced"
          ? outcome.parts
          : [];
  if (datasets.length === 0) return outcome;
  const [first = []] = datasets;
  return datasets.length === 1
    ? kit.pairsOf(first)
    : Promise.all(datasets.map((dataset) => kit.pairsOf(dataset)));
}

function failure(
  outcome: Outcome,
):
  | { code: string; message: string; traceback: string; stdout: string; stderr: string }
  | undefined {
  return outcome.kind === "failed" ? outcome.error : undefined;
}

const TEXT: Pair[] = [
  [0, "b a b"],
  [1, "a b"],
];

describe("Python's values that JSON would change", () => {
  const yields = (value: string) => ({
    mapper: handlerOf(
      "python",
      "mapper",
      `def map(args, ctx):\n yield ctx.to_return()\n yield 1, ${value}\n`,
      {
        argumentType: "list",
      },
    ),
  });

  test.each([
    ['{1: 2, "1": 3}', "HANDLER_OUTPUT_INVALID"],
    ["[{'a': {None: 2}}]", "HANDLER_OUTPUT_INVALID"],
    ["{True: 1}", "HANDLER_OUTPUT_INVALID"],
    ["{1.5: 1}", "HANDLER_OUTPUT_INVALID"],
    ["2 ** 53", "HANDLER_VALUE_NOT_EXACT"],
    ["[[-(2 ** 53)]]", "HANDLER_VALUE_NOT_EXACT"],
    ["10 ** 5000", "HANDLER_VALUE_NOT_EXACT"],
    ["float('inf')", "HANDLER_VALUE_NOT_EXACT"],
  ] as const)("%s is refused with %s and the line", async (value, code) => {
    const error = failure(await kit.map(yields(value), []));
    expect(error?.code).toBe(code);
    expect(error?.traceback).toContain('File "a.mapper.py", line 3, in map');
  });

  test.each([
    ["{'1': 2, 'a': (1, [2])}", { "1": 2, a: [1, [2]] }],
    ["2 ** 53 - 1", 2 ** 53 - 1],
    ["-0.12345678901234568", -0.12345678901234568],
    ["'12345678901234567890{'", "12345678901234567890{"],
  ] as const)("%s passes", async (value, expected) => {
    expect(await result(await kit.map(yields(value), []))).toEqual([[1, expected]]);
  });

  test("a list that is returned has the function's line", async () => {
    const source = "def map(args, ctx):\n return [ctx.to_return(), (1, float('nan'))]\n";
    const mapper = handlerOf("python", "mapper", source, { argumentType: "list" });
    const error = failure(await kit.map({ mapper }, []));
    expect(error?.traceback).toContain('File "a.mapper.py", line 1, in map');
  });
});

describe("Python without a function", () => {
  const body = (type: HandlerType, source: string) =>
    handlerOf("python", type, `"""Docs."""\n${source}`, { argumentType: "list", name: "old" });

  test("the code is the body of a generator with the names of old in its scope", async () => {
    const source = `
yield MrConfigureToReturn()
if len(arguments) == 1:
    return
S_SET("k", JOIN("a", "b") + SEP)
PRINT("printed")
LOG.info("logged %d", 5)
for key, value in arguments:
    yield key, [value, FS, S_GET("k"), [list(p) for p in S_LIST()], __name__, ctx.step]
yield "run", RUN(["true"])
`;
    const lines: string[] = [];
    const outcome = await kit.map(
      { mapper: body("mapper", source) },
      [
        [1, 2],
        [3, 4],
      ],
      {
        context: { onLog: (line) => lines.push(line.text) },
      },
    );
    const rest = [null, "a/b/", [["k", "a/b/"]], "handler(old)", "s1"];
    expect(await result(outcome)).toEqual([
      [1, [2, ...rest]],
      [3, [4, ...rest]],
      ["run", 0],
    ]);
    expect(lines).toEqual(["logged 5"]);
  });

  test("it may map to a step, reduce, and return its pairs", async () => {
    const mapper = body("mapper", `yield MrConfigureToMap("next")\nyield from arguments\n`);
    expect(await kit.map({ mapper }, [[1, 2]])).toMatchObject({ kind: "mapped", step: "next" });
    const reducer = body("reducer", "return [(k, max(v)) for k, v in results]\n");
    const input = await kit.sortedDataset([
      ["a", 1],
      ["a", 5],
    ]);
    expect(await result(await kit.reduce(reducer, [input]))).toEqual([["a", 5]]);
  });

  test("a combiner gets the pairs one by one", async () => {
    const source = `yield MrConfigureToReturn()
for key, text in arguments:
    for word in text.split():
        yield word, 1
`;
    const combiner = body("combiner", `yield "seen", [list(pair) for pair in results]\n`);
    const outcome = await kit.map({ mapper: body("mapper", source), combiner }, TEXT);
    expect(await result(outcome)).toEqual([
      ["seen", ["a", 1]],
      ["seen", ["a", 1]],
      ["seen", ["b", 1]],
      ["seen", ["b", 1]],
      ["seen", ["b", 1]],
    ]);
  });

  test("a command that fails raises, unless any code is welcome", async () => {
    const source = `yield MrConfigureToReturn()\nyield 1, RUN(["sh", "-c", "cat; exit 4"], "hi", None)\nRUN(["false"])\n`;
    const error = failure(await kit.map({ mapper: body("mapper", source) }, []));
    expect(error?.message).toContain("ended with 1");
    expect(error?.stdout).toBe("hi");
    expect(error?.traceback).toContain('File "old.py", line 4');
  });
});
