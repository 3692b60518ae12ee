/** Executables in line mode: real programs in real processes. */
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  failureOf,
  HandlerKit,
  handlerOf,
  machineClock,
  type Pair,
  resultOf,
} from "../../../../test/lib/handler-kit.ts";
import type { HandlerType } from "../../../wire/dataset.ts";
import type { HandlerRuntime } from "../../../wire/handler-metadata.ts";
import { checkHandler } from "../../handler-check.ts";

vi.setConfig({ testTimeout: 60_000 });

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const open = async (options: Parameters<typeof HandlerKit.open>[0] = {}) => {
  kit = await HandlerKit.open(options);
  return kit;
};

const PLAIN: HandlerRuntime = {
  ...{ cpuMillis: undefined, diskBytes: undefined, silenceMs: undefined, pids: undefined },
  ...{ isEnforced: false, sandbox: undefined, network: undefined, image: undefined },
  ...{ environment: {}, protocol: undefined, codec: undefined, separator: undefined },
  ...{ isPure: false, main: undefined },
};
const program = (type: HandlerType, source: string, said: Partial<HandlerRuntime> = {}) =>
  handlerOf("executable", type, source, { runtime: { ...PLAIN, ...said } });

const WORDS = program(
  "mapper",
  `#!/bin/sh
cut -f2 | tr -s ' ' '\\n' | awk '{ print $1 "\\t1" }'
`,
);
const SUM = program(
  "reducer",
  `#!/usr/bin/awk -f
BEGIN { FS = OFS = "\\t" }
NR > 1 && $1 != key { print key, sum; sum = 0 }
{ key = $1; sum += $2 }
END { if (NR > 0) print key, sum }
`,
);

const TEXTS: readonly Pair[] = [
  ["a", "the quick fox"],
  ["b", "the lazy the dog"],
];

describe("line mode", () => {
  test("a mapper in shell and a reducer in awk count words", async () => {
    const own = await open();
    const outcome = await own.map({ mapper: WORDS, reducer: SUM }, TEXTS);
    expect(await resultOf(own, outcome)).toEqual([
      ["dog", 1],
      ["fox", 1],
      ["lazy", 1],
      ["quick", 1],
      ["the", 3],
    ]);
  });

  test("a combiner gives the same result", async () => {
    const own = await open();
    const combiner = program("combiner", "#!/bin/sh\ncat\n");
    const outcome = await own.map({ mapper: WORDS, combiner, reducer: SUM }, TEXTS);
    expect(await resultOf(own, outcome)).toContainEqual(["the", 3]);
  });

  test("a mapper that says so maps to a step, and is told its one pair in its environment", async () => {
    const own = await open();
    const source = `#!/bin/sh
echo "@map next"
printf '%s\\t%s\\n' "$JOBX_KEY" "$JOBX_VALUE" "$JOBX_HANDLER $JOBX_HANDLER_TYPE" "$JOBX_STEP"
`;
    const outcome = await own.map({ mapper: program("mapper", source) }, [["k", [1, "x"]]]);
    if (outcome.kind !== "mapped") throw new Error(JSON.stringify(outcome));
    expect(outcome.step).toBe("next");
    expect(await own.pairsOf(outcome.children)).toEqual([
      ["k", [1, "x"]],
      ["a.mapper mapper", "s1"],
    ]);
  });

  test("a mapper that unseals is told its one pair in its input only", async () => {
    const own = await open();
    const source = `#!/bin/sh
cat
printf 'seen\\t%s\\n' "\${JOBX_KEY-none} \${JOBX_VALUE-none}"
`;
    const mapper = program("mapper", source, { unseals: true });
    const unseal = (text: string) => `opened ${text}`;
    const pairs: readonly Pair[] = [["k", { $sealed: "value" }]];
    const outcome = await own.map({ mapper }, pairs, { context: { unseal } });
    if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
    expect(await own.pairsOf(outcome.pairs)).toEqual([
      ["k", "opened value"],
      ["seen", "none none"],
    ]);
  });

  test("ndjson keeps what keys and values are", async () => {
    const own = await open();
    const pairs: readonly Pair[] = [
      [["a", 1], { deep: [null, "x\ty\n"] }],
      [true, "1"],
    ];
    const mapper = program("mapper", "#!/bin/sh\ncat\n", { codec: "ndjson" });
    const outcome = await own.map({ mapper }, pairs);
    if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
    expect(await own.pairsOf(outcome.pairs)).toEqual([pairs[1], pairs[0]]);
  });

  test("another separator is between key and value in both directions", async () => {
    const own = await open();
    const source = "#!/bin/sh\nsed 's/:/=/; s/=/:/'\n";
    const mapper = program("mapper", source, { separator: ":" });
    const outcome = await own.map({ mapper }, [["a:b", "c"]]);
    if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
    expect(await own.pairsOf(outcome.pairs)).toEqual([["a:b", "c"]]);
  });

  test("lines that are no pairs are left out, counted and told with the first one's number", async () => {
    const own = await open();
    const source = "#!/bin/sh\nprintf 'a\\t1\\nnothing\\nb\\t2\\n\\377\\n'\n";
    const outcome = await own.map({ mapper: program("mapper", source) }, []);
    if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
    expect(await own.pairsOf(outcome.pairs)).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(outcome.printed?.stdout).toContain("2 lines of the output were left out");
    expect(outcome.printed?.stdout).toContain("the first is line 2");
  });

  test("an exit with another code than 0 fails with it and the end of what was written to stderr", async () => {
    const own = await open();
    const source = "#!/bin/sh\necho 'a\t1'\necho no such licence >&2\nexit 3\n";
    const failure = failureOf(await own.map({ mapper: program("mapper", source) }, []));
    expect(failure).toMatchObject({
      code: "HANDLER_FAILED",
      message: "the program ended with code 3",
    });
    expect(failure?.traceback).toContain("no such licence");
    expect(failure?.stderr).toContain("no such licence");
  });

  test("a signal is told by its name, and the worker serves the next call", async () => {
    const own = await open();
    const dies = program("mapper", "#!/bin/sh\nkill -SEGV $$\n");
    expect(failureOf(await own.map({ mapper: dies }, []))).toMatchObject({
      code: "HANDLER_CRASHED",
      message: "the program ended by signal SIGSEGV",
    });
    const [pid] = own.pool.pids;
    expect(
      await resultOf(own, await own.map({ mapper: WORDS, reducer: SUM }, TEXTS)),
    ).toContainEqual(["the", 3]);
    expect(own.pool.pids).toContain(pid);
  });

  test.each(["KILL", "TERM"])("SIG%s is told as coming from outside", async (signal) => {
    const own = await open();
    const dies = program("mapper", `#!/bin/sh\nkill -${signal} $$\n`);
    expect(failureOf(await own.map({ mapper: dies }, []))).toMatchObject({
      code: "HANDLER_KILLED",
      message: `the program ended by signal SIG${signal}`,
    });
  });

  test("a program that cannot be started fails with the reason", async () => {
    const own = await open();
    const source = "#!/no/such/interpreter\n";
    expect(failureOf(await own.map({ mapper: program("mapper", source) }, []))).toMatchObject({
      code: "HANDLER_LOAD_FAILED",
    });
  });

  test("a program that reads nothing of a large input is done when it ends", async () => {
    const own = await open();
    const pairs = Array.from({ length: 20_000 }, (_, at): Pair => [at, "x".repeat(100)]);
    const outcome = await own.map({ mapper: program("mapper", "#!/bin/sh\necho 'a\t1'\n") }, pairs);
    if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
    expect(await own.pairsOf(outcome.pairs)).toEqual([["a", 1]]);
  });

  test("a large input comes out of cat as it went in", async () => {
    const own = await open();
    const pairs = Array.from(
      { length: 50_000 },
      (_, at): Pair => [at, `value ${at} ${"y".repeat(60)}`],
    );
    const outcome = await own.map({ mapper: program("mapper", "#!/bin/sh\nexec cat\n") }, pairs);
    if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
    expect(await own.pairsOf(outcome.pairs)).toEqual(pairs);
  });

  test("units that are run together in one worker get their own records and end each for itself", async () => {
    const own = await open();
    const mapper = program(
      "mapper",
      `#!/bin/sh
[ "$JOBX_VALUE" = bad ] && exit 4
printf '%s\\t1\\n' "$JOBX_VALUE"
`,
    );
    const run = (value: string) => own.map({ mapper, reducer: SUM }, [["k", value]]);
    // So that it is known to be short.
    for (const value of ["one", "two"]) await run(value);
    const values = ["a", "bad", "b", "c", "d", "e"];
    const outcomes = await Promise.all(values.map(run));
    const told = outcomes.map(async (outcome) =>
      outcome.kind === "failed" ? outcome.error.message : resultOf(own, outcome),
    );
    expect(await Promise.all(told)).toEqual(
      values.map((value) => (value === "bad" ? "the program ended with code 4" : [[value, 1]])),
    );
  });

  test("a process that a program leaves behind fails the call", async () => {
    const own = await open();
    const source = "#!/bin/sh\nsleep 1000 &\necho 'a\t1'\n";
    expect(failureOf(await own.map({ mapper: program("mapper", source) }, []))).toMatchObject({
      code: "HANDLER_LEFT_PROCESSES",
    });
  });

  test("a program that runs too long is ended", async () => {
    const own = await open();
    const mapper = program("mapper", "#!/bin/sh\nsleep 1000\n");
    const outcome = await own.map({ mapper }, [], { timeoutMs: 500 });
    expect(failureOf(outcome)).toMatchObject({ code: "HANDLER_TIMEOUT" });
  });
});

describe("checkHandler() of an executable", () => {
  const header = "# Counts.\n# **\n# handler_type: mapper\n# required_capability: none\n";
  const check = async (file: string, source: string) => {
    const { pool } = await open();
    return checkHandler({ name: "a", file, source }, { pool, timers: machineClock });
  };

  test("takes a script with its metadata in the first lines that begin with #", async () => {
    const checked = await check("a.sh", `#!/bin/sh\n${header}# codec: ndjson\ncat\n`);
    expect(checked).toMatchObject({
      kind: "accepted",
      definition: {
        ...{ language: "executable", type: "mapper", argumentType: null, description: "Counts." },
        runtime: { codec: "ndjson" },
      },
    });
  });

  test("names the interpreter where the file's name does", async () => {
    const checked = await check("a.awk", `${header}{ print }\n`);
    if (checked.kind !== "accepted") throw new Error(JSON.stringify(checked));
    expect(checked.definition.source.split("\n")[0]).toBe("#!/usr/bin/awk -f");
  });

  test.each([
    ["a.sh", `#!/bin/sh\n${header}\nif true; then\n`, "HANDLER_SOURCE_INVALID", 8],
    ["a.sh", `${header}\nif true; then\n`, "HANDLER_SOURCE_INVALID", 7],
    ["a.sh", "#!/bin/sh\ncat\n", "HANDLER_METADATA_INVALID", 1],
    ["a.pl", `#!/usr/bin/perl\n${header}# cpus: many\n`, "HANDLER_METADATA_INVALID", 6],
  ])("refuses %s %j with its line", async (file, source, code, line) => {
    expect(await check(file, source)).toMatchObject({
      kind: "refused",
      errors: [{ code, file, line }],
    });
  });
});
