/** Handlers in several languages, from a folder to the results of a real node. */
import { execFileSync } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ended, useCluster } from "../lib/e2e-cluster.ts";
import { ROOT } from "../lib/e2e-nodes.ts";

const END_MS_MAX = 60_000;
const cluster = useCluster(1);

/** A bundle, with a package that this repository has not. */
const GREET = {
  "handler.yaml": `description: Splits texts with a package.
main: main.mjs
handler_type: mapper
argument_spec: [{ name: arguments, type: null }]
required_capability: none
`,
  "main.mjs": `import { split } from "words";
export async function* map(texts, ctx) {
  yield ctx.toReturn();
  for await (const [, text] of texts) for (const word of split(text)) yield [word, 1];
}
`,
  "node_modules/words/package.json": '{ "name": "words", "main": "index.js" }',
  "node_modules/words/index.js": 'exports.split = (text) => text.split(" ");',
} as const;

beforeAll(async () => {
  const folder = join(cluster.folder, "languages");
  await cp(join(ROOT, "test/e2e/languages"), folder, { recursive: true });
  const frames = join(ROOT, "test/fixtures/handlers/frames");
  await cp(join(frames, "sum.pl"), join(folder, "handlers/perl.pl"));
  const echo = join(folder, "handlers/native/echo");
  execFileSync("gcc", ["-O2", "-o", echo, join(frames, "echo.c")]);
  for (const [path, text] of Object.entries(GREET)) {
    const file = join(folder, "handlers/greet", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  await cluster.applyFile(1, join(folder, "languages.yaml"));
});

async function counted(job: string, args: readonly (readonly [string, unknown])[]) {
  const { request } = await cluster.client(1).submit({
    workflow: "languages",
    job,
    arguments: args,
    idempotencyKey: undefined,
  });
  const view = await ended(cluster.client(1), request, END_MS_MAX);
  return { request, state: view.state, pairs: view.result?.pairs, error: view.error };
}

const TEXTS = [
  ["a", "the quick fox"],
  ["b", "the dog"],
] as const;
const COUNTS = [
  ["dog", 1],
  ["fox", 1],
  ["quick", 1],
  ["the", 2],
];

test("a shell and awk count words, and what is published is there when the request is done", async () => {
  const { request, ...end } = await counted("lines", TEXTS);
  expect(end).toMatchObject({ state: "succeeded", pairs: COUNTS });
  const path = `out/${request}.txt`;
  const stat = await cluster.client(1).files.stat({ workflow: "languages", path });
  expect(stat.bytes).toBe("a\tthe quick fox\nb\tthe dog\n".length);
});

test("a bundle finds the package that was packed with it", async () => {
  expect(await counted("bundle", TEXTS)).toMatchObject({ state: "succeeded", pairs: COUNTS });
});

test("programs in C and Perl speak frames", async () => {
  const end = await counted("frames", [
    ["a", 1],
    ["b", 2],
    ["c", 3],
  ]);
  expect(end).toMatchObject({
    state: "succeeded",
    pairs: [
      ["a", 1],
      ["b", 2],
      ["batches", 1],
      ["c", 3],
    ],
  });
});
