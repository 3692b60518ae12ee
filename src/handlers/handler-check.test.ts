import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { HandlerKit, machineClock } from "../../test/lib/handler-kit.ts";
import { checkHandler, SOURCE_BYTES_MAX, versionOf } from "./handler-check.ts";

let kit: HandlerKit;
beforeAll(async () => {
  kit = await HandlerKit.open();
});
afterAll(() => kit.close());
// Real processes on a machine that does other things as well.
vi.setConfig({ testTimeout: 60_000 });

const JS_HEAD = `/** Splits.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
`;
const PY_HEAD = `"""Adds up.
** yaml
handler_type: reducer
argument_spec: [{ name: results, type: null }]
required_capability: none
retries: 2
"""
`;

const PY_MAPPER = `"""Splits.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
retries: 2
"""
`;

const check = (file: string, source: string, name = "words") =>
  checkHandler({ name, file, source }, { pool: kit.pool, timers: machineClock });

async function refusal(file: string, source: string, name?: string): Promise<string> {
  const result = await check(file, source, name);
  if (result.kind === "accepted") return "accepted";
  const [error] = result.errors;
  return `${error?.code} ${error?.file}:${error?.line} ${error?.reason}`;
}

describe("checkHandler()", () => {
  test("accepts the description of a container, stores it in one form, and starts no worker for it", async () => {
    const source = "command: [sort, -n]\nimage: busybox:1 # small\nretries: 4\n";
    const workers = kit.pool.workers;
    const result = await check("sort.container.yaml", source, "sort");
    const stored =
      '{"image":"busybox:1","count":1,"environment":{},"network":"none","workspace":true,"command":["sort","-n"],"paths":[]}';
    expect(result).toMatchObject({
      kind: "accepted",
      definition: {
        ...{ name: "sort", language: "container", type: "mapper", retries: 4 },
        ...{ version: versionOf("container", stored), source: stored },
        requiredCapability: "docker",
      },
    });
    expect(kit.pool.workers).toBe(workers);
  });

  test("refuses a container and an image in a source with their line", async () => {
    const source = "image: busybox\ncount: none\n";
    expect(await refusal("a.container.yml", source)).toBe(
      "HANDLER_METADATA_INVALID a.container.yml:2 count is a whole number from 1 to 1000000",
    );
    const head = JS_HEAD.replace(" */", " * image: busybox\n */");
    expect(await refusal("a.js", `${head}export async function* map() {}\n`)).toBe(
      "HANDLER_METADATA_INVALID a.js:6 an image is named by a step, or in NAME.container.yaml: sources run in none",
    );
  });

  test("accepts JavaScript without running it", async () => {
    const source = `${JS_HEAD}throw new Error("ran");\nexport async function* map() {}\n`;
    expect(await check("words.js", source)).toEqual({
      kind: "accepted",
      definition: {
        name: "words",
        version: versionOf("javascript", source),
        language: "javascript",
        type: "mapper",
        argumentType: "list",
        requiredCapability: "none",
        form: "plain",
        retries: undefined,
        timeoutMs: undefined,
        memoryBytes: undefined,
        description: "Splits.",
        source,
      },
    });
  });

  test("blanks out the types of TypeScript, line for line", async () => {
    const source = `${JS_HEAD}interface A { b: number }\nexport function* map(args: A[]) {}\n`;
    for (const file of ["words.ts", "words.mts"]) {
      const result = await check(file, source);
      expect(result.kind === "accepted" && result.definition.source).toBe(
        `${JS_HEAD}${" ".repeat(25)}\nexport function* map(args     ) {}\n`,
      );
    }
  });

  test("accepts imports that only the machine which runs it may have", async () => {
    const source = `${JS_HEAD}import { a, b } from "/opt/x.mjs";\nimport { join } from "node:path";\nexport const map = () => [a, b, join];\n`;
    expect(await refusal("words.mjs", source)).toBe("accepted");
  });

  test.each([
    ["a mistake in JavaScript", "w.js", `${JS_HEAD}let a = 1;\nfoo(;\n`, "w.js:8 SyntaxError"],
    ["a mistake in TypeScript", "w.ts", `${JS_HEAD}let a: = 1;\n`, "w.ts:7 "],
    ["an enum", "w.ts", `${JS_HEAD}\nenum A { B }\n`, "w.ts:8 TypeScript enum"],
    [
      "a missing function",
      "w.js",
      `${JS_HEAD}export function reduce() {}\n`,
      "w.js:1 a mapper exports",
    ],
    [
      "a wrong name of Node's",
      "w.js",
      `${JS_HEAD}import { nope } from "node:fs";\nexport function map() {}\n`,
      "w.js:1 The requested module",
    ],
    [
      "a mistake in Python",
      "w.py",
      `${PY_HEAD}\ndef reduce(results):\n  yield (\n`,
      "w.py:10 SyntaxError",
    ],
    ["await outside of async", "w.py", `${PY_HEAD}await x\n`, "w.py:8 SyntaxError"],
  ])("refuses %s with its line", async (_what, file, source, wanted) => {
    expect(await refusal(file, source)).toContain(`HANDLER_SOURCE_INVALID ${wanted}`);
  });

  test("tells Python's two forms apart by a function of the right name", async () => {
    const plain = await check("a.py", `${PY_HEAD}def reduce(results):\n    return []\n`);
    expect(plain.kind === "accepted" && plain.definition).toMatchObject({
      form: "plain",
      retries: 2,
    });
    const body = await check(
      "a.py",
      `${PY_HEAD}def map(x):\n    return x\nyield 1, map(results)\n`,
    );
    expect(body.kind === "accepted" && body.definition.form).toBe("body");
  });

  test.each([
    ["a function of another name", "def mapp(arguments):\n    yield to_return()\n", "w.py:8"],
    ["functions that alone yield", "x = 1\nasync def m(a):\n    yield a\n", "w.py:9"],
    ["a class with a function map", "class A:\n    def map(self):\n        return 1\n", "w.py:1"],
    ["nothing at all", "", "w.py:1"],
    ["a return of nothing", "if arguments:\n    return\n", "w.py:1"],
  ])("refuses a Python mapper that could only fail: with %s", async (_what, code, place) => {
    expect(await refusal("w.py", PY_MAPPER + code)).toBe(
      `HANDLER_SOURCE_INVALID ${place} a mapper has a function map, or yields its direction outside of functions`,
    );
  });

  test.each([
    "for word in arguments:\n    yield to_return()\n",
    "def pairs():\n    yield to_return()\nreturn pairs()\n",
    "if arguments:\n    with open('x'):\n        return [to_return()]\n",
    "def map(arguments):\n    pass\n",
  ])("accepts a Python mapper that may say where its pairs go: %j", async (code) => {
    expect(await refusal("w.py", PY_MAPPER + code)).toBe("accepted");
  });

  test.each(["int", "float"])(
    "refuses an argument of type %s, which no pairs become",
    async (type) => {
      const head = JS_HEAD.replace("type: list", `type: ${type}`);
      const source = `${head}export function* map() {}\n`;
      expect(await refusal("w.js", source)).toContain(
        "HANDLER_METADATA_INVALID w.js:4 in JavaScript the type is one of",
      );
    },
  );

  test("mistakes in real YAML have the file's line", async () => {
    const source = "/**\n ** yaml\n * handler_type: mapper\n * argument_spec: [\n */\n";
    expect(await refusal("w.js", source)).toMatch(/^HANDLER_METADATA_INVALID w\.js:[56] not YAML/);
    const twice = "/**\n **\n * handler_type: mapper\n * handler_type: mapper\n */\n";
    expect(await refusal("w.js", twice)).toContain("HANDLER_METADATA_INVALID w.js:4 not YAML");
  });

  test("refuses names, extensions and sizes before any worker sees them", async () => {
    expect(await refusal("w.js", JS_HEAD, "1a")).toContain("HANDLER_NAME_INVALID");
    expect(await refusal("w.lua", JS_HEAD)).toContain("HANDLER_LANGUAGE_UNKNOWN");
    const long = JS_HEAD + " ".repeat(SOURCE_BYTES_MAX);
    expect(await refusal("w.js", long)).toContain("HANDLER_SOURCE_TOO_LARGE");
  });

  test("the version is the language's and the source's", () => {
    expect(versionOf("python", "x")).toMatch(/^[0-9a-f]{64}$/);
    expect(versionOf("python", "x")).not.toBe(versionOf("javascript", "x"));
  });
});
