/** What only handlers in Python have: bodies without a function, and values that JSON would change. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  failureOf,
  HandlerKit,
  handlerOf,
  type Pair,
  resultOf,
} from "../../test/lib/handler-kit.ts";
import type { HandlerType } from "../wire/dataset.ts";

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
    const error = failureOf(await kit.map(yields(value), []));
    expect(error?.code).toBe(code);
    expect(error?.traceback).toContain('File "a.mapper.py", line 3, in map');
  });

  test.each([
    ["{'1': 2, 'a': (1, [2])}", { "1": 2, a: [1, [2]] }],
    ["2 ** 53 - 1", 2 ** 53 - 1],
    ["-0.12345678901234568", -0.12345678901234568],
    ["'12345678901234567890{'", "12345678901234567890{"],
  ] as const)("%s passes", async (value, expected) => {
    expect(await resultOf(kit, await kit.map(yields(value), []))).toEqual([[1, expected]]);
  });

  test("a list that is returned has the function's line", async () => {
    const source = "def map(args, ctx):\n return [ctx.to_return(), (1, float('nan'))]\n";
    const mapper = handlerOf("python", "mapper", source, { argumentType: "list" });
    const error = failureOf(await kit.map({ mapper }, []));
    expect(error?.traceback).toContain('File "a.mapper.py", line 1, in map');
  });
});

describe("Python's tracebacks", () => {
  const own = (line: number, where: string, text: string) =>
    `Traceback (most recent call last):\n  File "a.mapper.py", line ${line}, in ${where}\n    ${text}\n`;

  test.each([
    [
      "a generator",
      "def map(args, ctx):\n yield ctx.to_return()\n raise ValueError('on purpose')\n",
      own(3, "map", "raise ValueError('on purpose')"),
      "ValueError: on purpose\n",
    ],
    [
      "an asynchronous generator",
      "async def map(args, ctx):\n yield ctx.to_return()\n raise ValueError('on purpose')\n",
      '  File "a.mapper.py", line 3, in map',
      "ValueError: on purpose\n",
    ],
    [
      "a log",
      "def map(args, ctx):\n ctx.log('%d', 'x')\n",
      own(2, "map", "ctx.log('%d', 'x')"),
      "not str\n",
    ],
    [
      "a cause",
      "def map(args, ctx):\n try: ctx.log('%d', 'x')\n except TypeError: raise ValueError('on purpose')\n",
      own(2, "map", "try: ctx.log('%d', 'x')"),
      "ValueError: on purpose\n",
    ],
    [
      "a module",
      "value = 1\nraise ValueError('on purpose')\ndef map(args): pass\n",
      'File "a.mapper.py", line 2, in <module>',
      "the handler cannot be loaded\n",
    ],
  ])("of %s show its line and none of the worker's", async (_what, source, first, last) => {
    const mapper = handlerOf("python", "mapper", source, { argumentType: "list" });
    const traceback = failureOf(await kit.map({ mapper }, []))?.traceback ?? "";
    expect(traceback).toContain(first);
    expect(traceback.endsWith(last)).toBe(true);
    expect(traceback).not.toMatch(/File ".*python_\w+\.py"/);
  });
});

describe("Python's argument", () => {
  const GROUPS: Pair[] = [
    ["a", 1],
    ["b", 2],
    ["b", 3],
  ];
  test.each([
    [
      "list",
      "type(results).__name__, results",
      [
        "list",
        [
          ["a", [1]],
          ["b", [2, 3]],
        ],
      ],
    ],
    ["dict", "type(results).__name__, results", ["dict", { a: [1], b: [2, 3] }]],
    ["str", "results", "[('a', [1]), ('b', [2, 3])]"],
    ["bool", "results", true],
    [
      "sorted",
      "results",
      [
        ["a", [1]],
        ["b", [2, 3]],
      ],
    ],
    ["reversed", "next(results)", ["b", [2, 3]]],
    [
      "enumerate",
      "list(results)",
      [
        [0, ["a", [1]]],
        [1, ["b", [2, 3]]],
      ],
    ],
    ["iter", "next(results)", ["a", [1]]],
    ["len", "results", 2],
  ] as const)("may be cast by %s", async (argumentType, value, expected) => {
    const source = `def reduce(results):\n yield 1, (${value})\n`;
    const reducer = handlerOf("python", "reducer", source, { argumentType });
    const input = await kit.sortedDataset(GROUPS);
    expect(await resultOf(kit, await kit.reduce(reducer, [input]))).toEqual([[1, expected]]);
  });

  test.each(["set", "frozenset"] as const)("may be cast by %s", async (argumentType) => {
    const source =
      "def map(arguments):\n yield MrConfigureToReturn()\n yield type(arguments).__name__, sorted(arguments)\n";
    const mapper = handlerOf("python", "mapper", source, { argumentType });
    const pairs: Pair[] = [
      [2, 1],
      [1, 1],
      [2, 1],
    ];
    expect(await resultOf(kit, await kit.map({ mapper }, pairs))).toEqual([
      [
        argumentType,
        [
          [1, 1],
          [2, 1],
        ],
      ],
    ]);
  });

  test.each(["int", "float", "set"] as const)(
    "that %s makes nothing of fails the attempt",
    async (argumentType) => {
      const reducer = handlerOf("python", "reducer", "def reduce(results): pass\n", {
        argumentType,
      });
      const error = failureOf(await kit.reduce(reducer, [await kit.sortedDataset(GROUPS)]));
      expect(error?.code).toBe("HANDLER_ARGUMENT_INVALID");
      expect(error?.message).toContain(`cannot be cast to ${argumentType}`);
    },
  );
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
NOTIFY.warning("noticed")
for key, value in arguments:
    yield key, [value, FS, S_GET("k"), [list(p) for p in S_LIST()], __name__, ctx.step]
yield "run", RUN(["true"])
`;
    const outcome = await kit.map({ mapper: body("mapper", source) }, [
      [1, 2],
      [3, 4],
    ]);
    const rest = [null, "a/b/", [["k", "a/b/"]], "handler(old)", "s1"];
    expect(await resultOf(kit, outcome)).toEqual([
      [1, [2, ...rest]],
      [3, [4, ...rest]],
      ["run", 0],
    ]);
    const printed = outcome.kind === "combined" ? outcome.printed : undefined;
    expect(printed?.stdout).toBe("printed\n[info] logged 5\n[warn] noticed\n");
  });

  test("it may map to a step, reduce, and return its pairs", async () => {
    const mapper = body("mapper", `yield MrConfigureToMap("next")\nyield from arguments\n`);
    expect(await kit.map({ mapper }, [[1, 2]])).toMatchObject({ kind: "mapped", step: "next" });
    const reducer = body("reducer", "return [(k, max(v)) for k, v in results]\n");
    const input = await kit.sortedDataset([
      ["a", 1],
      ["a", 5],
    ]);
    expect(await resultOf(kit, await kit.reduce(reducer, [input]))).toEqual([["a", 5]]);
  });

  test("a combiner gets the pairs one by one", async () => {
    const source = `yield MrConfigureToReturn()
for key, text in arguments:
    for word in text.split():
        yield word, 1
`;
    const combiner = body("combiner", `yield "seen", [list(pair) for pair in results]\n`);
    const outcome = await kit.map({ mapper: body("mapper", source), combiner }, TEXT);
    expect(await resultOf(kit, outcome)).toEqual([
      ["seen", ["a", 1]],
      ["seen", ["a", 1]],
      ["seen", ["b", 1]],
      ["seen", ["b", 1]],
      ["seen", ["b", 1]],
    ]);
  });

  test("a command that fails raises, unless any code is welcome", async () => {
    const source = `yield MrConfigureToReturn()\nyield 1, RUN(["sh", "-c", "cat; exit 4"], "hi", None)\nRUN(["false"])\n`;
    const error = failureOf(await kit.map({ mapper: body("mapper", source) }, []));
    expect(error?.message).toContain("ended with 1");
    expect(error?.stdout).toBe("hi");
    expect(error?.traceback).toContain('File "old.py", line 4');
  });
});

describe("Python with a function", () => {
  const plain = (type: HandlerType, source: string, name = "old") =>
    handlerOf("python", type, source, { argumentType: "list", name });

  test("finds the names of old in its module, as the bare body does", async () => {
    const source = `
log = LOG
log.info("loaded")
def map(arguments):
    yield MrConfigureToReturn()
    S_SET("k", JOIN("a", "b") + SEP)
    PRINT("printed")
    log.info("logged %d", arguments[0][0])
    NOTIFY.warning("noticed")
    for key, value in arguments:
        yield key, [value, FS, S_GET("k"), [list(p) for p in S_LIST()], __name__, ctx.step]
    yield "run", RUN(["true"])
`;
    const mapper = plain("mapper", source);
    const rest = [null, "a/b/", [["k", "a/b/"]], "handler(old)", "s1"];
    // The second call has the names of its own, also under the name that the module gave one.
    for (const [key, loaded] of [
      [1, "[info] loaded\n"],
      [2, ""],
    ] as const) {
      const outcome = await kit.map({ mapper }, [[key, 5]]);
      expect(await resultOf(kit, outcome)).toEqual([
        [key, [5, ...rest]],
        ["run", 0],
      ]);
      const printed = outcome.kind === "combined" ? outcome.printed : undefined;
      expect(printed?.stdout).toBe(`${loaded}printed\n[info] logged ${key}\n[warn] noticed\n`);
    }
  });

  test("may map to a step and keep a session that its reducer reads", async () => {
    const mapper = plain(
      "mapper",
      `def map(arguments):\n yield MrConfigureToReturn()\n S_SET("n", 7)\n yield 1, 2\n`,
    );
    const reducer = plain(
      "reducer",
      `def reduce(results):\n for key, values in results: yield key, S_GET("n") + sum(values)\n`,
      "new",
    );
    expect(await resultOf(kit, await kit.map({ mapper, reducer }, []))).toEqual([[1, 9]]);
    const next = plain("mapper", `def map(arguments):\n yield MrConfigureToMap("next")\n`);
    expect(await kit.map({ mapper: next }, [])).toMatchObject({ kind: "mapped", step: "next" });
  });

  test("keeps what its module calls by one of those names", async () => {
    const source = `
SEP = "-"
def LOG(text): return "own " + text
def map(arguments):
    yield MrConfigureToReturn()
    yield SEP, LOG("log")
`;
    const mapper = plain("mapper", source);
    for (let call = 0; call < 2; call++) {
      expect(await resultOf(kit, await kit.map({ mapper }, []))).toEqual([["-", "own log"]]);
    }
  });

  const WRAPS = `import functools
def wrapped(function):
    @functools.wraps(function)
    def wrapper(*arguments, **named): return function(*arguments, **named)
    return wrapper
@wrapped
`;
  test.each([
    ["a second one", "def reduce(results, context):", "context.step", "s1"],
    ["one called ctx that has a default", "def reduce(results, ctx=None):", "ctx.step", "s1"],
    ["one that is named only", "def reduce(results, *, ctx):", "ctx.step", "s1"],
    [
      "one called ctx after others",
      "def reduce(results, n=3, ctx=None):",
      "[n, ctx.step]",
      [3, "s1"],
    ],
    ["one by place only", "def reduce(results, ctx=None, /):", "ctx.step", "s1"],
    ["the rest", "def reduce(results, *rest):", "rest[0].step", "s1"],
    ["one of a decorated function", `${WRAPS}def reduce(results, ctx):`, "ctx.step", "s1"],
  ])("is given its context by %s", async (_what, head, value, expected) => {
    const reducer = plain("reducer", `${head}\n    yield 1, ${value}\n`);
    expect(await resultOf(kit, await kit.reduce(reducer, []))).toEqual([[1, expected]]);
  });

  test.each([
    ["has a default", "def reduce(results, cache=None):", "cache", null],
    [
      "has a default before the rest",
      "def reduce(results, cache=5, *rest):",
      "[cache, *rest]",
      [5],
    ],
    ["is named and has a default", "def reduce(results, *, cache=5):", "cache", 5],
    ["is not there", "def reduce(results, **options):", "options", {}],
    ["is not there behind a decorator", `${WRAPS}def reduce(results):`, "len(results)", 0],
    ["has a default there", `${WRAPS}def reduce(results, cache=5):`, "cache", 5],
  ])("keeps its own second parameter where that %s", async (_what, head, value, expected) => {
    const reducer = plain("reducer", `${head}\n    yield 1, ${value}\n`);
    expect(await resultOf(kit, await kit.reduce(reducer, []))).toEqual([[1, expected]]);
  });
});
