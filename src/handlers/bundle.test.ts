/** Handlers that are folders: checked, unpacked and run with what is beside their main files. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type BundleContents, bundleOf } from "../../test/lib/bundle-kit.ts";
import {
  failureOf,
  HandlerKit,
  machineClock,
  type TestHandler,
} from "../../test/lib/handler-kit.ts";
import { checkHandler } from "./handler-check.ts";

vi.setConfig({ testTimeout: 60_000 });

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const open = async () => {
  kit = await HandlerKit.open({ pool: { idleMs: 200 } });
  return kit;
};

const yaml = (main: string, more = "") => `description: Tells words.
main: ${main}
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
${more}`;

async function check(own: HandlerKit, contents: BundleContents) {
  const file = { name: "told", file: "told/handler.yaml", source: bundleOf(contents) };
  return checkHandler(file, { pool: own.pool, timers: machineClock });
}

/** What a cluster makes of an accepted bundle. */
async function accepted(own: HandlerKit, contents: BundleContents): Promise<TestHandler> {
  const checked = await check(own, contents);
  if (checked.kind !== "accepted") throw new Error(JSON.stringify(checked));
  const { source, name, version, language, type, argumentType, memoryBytes, runtime } =
    checked.definition;
  return { ref: { name, version, language, type, argumentType, memoryBytes, runtime }, source };
}

async function yielded(own: HandlerKit, mapper: TestHandler): Promise<unknown> {
  const outcome = await own.map({ mapper }, [["k", "v"]]);
  if (outcome.kind !== "combined") return failureOf(outcome);
  return own.pairsOf(outcome.pairs);
}

const PACKAGE = {
  "node_modules/words/package.json": '{ "name": "words", "main": "index.js" }',
  "node_modules/words/index.js": 'exports.word = "from the package";',
};

test.each<readonly [string, BundleContents]>([
  [
    "ESM",
    {
      "main.mjs": `import { word } from "words"; import { mine } from "./lib/mine.mjs";
        export function* map(args, ctx) { yield ctx.toReturn(); yield [word, mine]; }`,
      "lib/mine.mjs": 'export const mine = "from a file";',
      ...PACKAGE,
    },
  ],
  [
    "CommonJS",
    {
      "main.cjs": `const { word } = require("words"); const { mine } = require("./lib/mine.cjs");
        module.exports = { map: function* (args, ctx) { yield ctx.toReturn(); yield [word, mine]; } };`,
      "lib/mine.cjs": 'exports.mine = "from a file";',
      ...PACKAGE,
    },
  ],
  [
    "TypeScript",
    {
      "main.ts": `import { word } from "words"; import { mine } from "./lib/mine.ts";
        export function* map(args: unknown, ctx: any) { yield ctx.toReturn(); yield [word, mine]; }`,
      "lib/mine.ts": 'export const mine: string = "from a file";',
      ...PACKAGE,
    },
  ],
  [
    "Python",
    {
      "main.py": `from words import word
from lib import mine
def map(args, ctx):
    yield ctx.to_return()
    yield word, mine.mine
`,
      "words.py": 'word = "from the package"\n',
      "lib/__init__.py": "",
      "lib/mine.py": 'mine = "from a file"\n',
    },
  ],
])("a bundle in %s loads what is beside its main file", async (_language, files) => {
  const own = await open();
  const main = Object.keys(files)[0] ?? "";
  const mapper = await accepted(own, { "handler.yaml": yaml(main), ...files });
  expect(await yielded(own, mapper)).toEqual([["from the package", "from a file"]]);
});

test("a bundle with a script in line mode finds its files beside it", async () => {
  const own = await open();
  const mapper = await accepted(own, {
    "handler.yaml": "main: run\nhandler_type: mapper\nrequired_capability: none\n",
    run: '#!/bin/sh\nprintf "%s\\t%s\\n" "$(cat "$(dirname "$0")/data/word.txt")" "$JOBX_KEY"\n',
    "data/word.txt": "beside",
  });
  expect(await yielded(own, mapper)).toEqual([["beside", "k"]]);
});

test("two bundles with modules of the same name do not get each other's", async () => {
  const own = await open();
  const told = async (word: string) =>
    yielded(
      own,
      await accepted(own, {
        "handler.yaml": yaml("main.py"),
        "main.py":
          "import same\ndef map(args, ctx):\n    yield ctx.to_return()\n    yield same.word, 1\n",
        "same.py": `word = "${word}"\n`,
      }),
    );
  expect([await told("one"), await told("two")]).toEqual([[["one", 1]], [["two", 1]]]);
});

test("the files are there while a worker is, and gone with the last one", async () => {
  const own = await open();
  const mapper = await accepted(own, {
    "handler.yaml": yaml("main.py"),
    "main.py": "def map(args, ctx):\n    yield ctx.to_return()\n    yield __file__, 1\n",
  });
  const pairs = await yielded(own, mapper);
  expect(JSON.stringify(pairs)).toContain("programs");
  const programs = join(own.directory, "workers", "programs");
  expect(await readdir(programs)).toEqual([`${mapper.ref.version}-told`]);
  await vi.waitFor(
    () => expect(existsSync(join(programs, `${mapper.ref.version}-told`))).toBe(false),
    { timeout: 20_000, interval: 50 },
  );
});

describe("checkHandler() of a bundle", () => {
  test.each<readonly [string, BundleContents, string]>([
    [
      "no handler.yaml",
      { "main.py": "" },
      "told/handler.yaml:1 HANDLER_METADATA_INVALID the bundle has",
    ],
    [
      "no such main",
      { "handler.yaml": yaml("gone.py") },
      "told/handler.yaml:1 HANDLER_METADATA_INVALID main is gone.py",
    ],
    [
      "a main outside",
      { "handler.yaml": yaml("../main.py") },
      "told/handler.yaml:2 HANDLER_METADATA_INVALID main is the path",
    ],
    [
      "an unknown key",
      { "handler.yaml": yaml("main.py", "color: red\n"), "main.py": "" },
      "told/handler.yaml:6 HANDLER_METADATA_INVALID unknown key: color",
    ],
    [
      "a mistake in its main file",
      { "handler.yaml": yaml("main.py"), "main.py": "def map(args):\n  yield (\n" },
      "told/main.py:2 HANDLER_SOURCE_INVALID SyntaxError",
    ],
    [
      "a main without its function",
      { "handler.yaml": yaml("main.cjs"), "main.cjs": "exports.other = 1;" },
      "told/main.cjs:1 HANDLER_SOURCE_INVALID a mapper exports a function map",
    ],
    [
      "a main that cannot be started",
      {
        "handler.yaml": "main: run\nhandler_type: mapper\nrequired_capability: none\n",
        run: "just text",
      },
      "told/run:1 HANDLER_SOURCE_INVALID the file is no program",
    ],
  ])("refuses %s, with file, line and reason", async (_what, contents, wanted) => {
    const checked = await check(await open(), contents);
    const [error] = checked.kind === "refused" ? checked.errors : [];
    expect(`${error?.file}:${error?.line} ${error?.code} ${error?.reason}`).toContain(wanted);
  });

  test("refuses what is no bundle behind its mark", async () => {
    const own = await open();
    const file = { name: "a", file: "a/handler.yaml", source: "jobx bundle 1\nH4sI" };
    expect(await checkHandler(file, { pool: own.pool, timers: machineClock })).toMatchObject({
      kind: "refused",
      errors: [{ code: "HANDLER_SOURCE_INVALID" }],
    });
  });
});
