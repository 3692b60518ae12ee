/** A workspace as a directory: real workers, over the routes of the API, with the files of an attempt below. */
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Attempt, AttemptKit, below, write } from "../../test/lib/attempt-kit.ts";
import { FakeCluster } from "../../test/lib/fake-cluster.ts";
import { failureOf, HandlerKit, handlerOf, resultOf } from "../../test/lib/handler-kit.ts";
import { failed } from "../../test/lib/scheduler-values.ts";
import { OPTIONS } from "../../test/lib/volume-kit.ts";
import { buildApi, listenApi } from "../api/server.ts";
import { silentLog } from "../std/log.ts";
import type { Language } from "../wire/dataset.ts";

const cluster = new FakeCluster();
let kit: HandlerKit;
let app: FastifyInstance;
let url: string;
let files: AttemptKit;
let attempt: Attempt;

beforeAll(async () => {
  kit = await HandlerKit.open({ slots: 1 });
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  cluster.principal = (token) => Promise.resolve(files.attempts.principal(token));
  app = await buildApi({ cluster, log: silentLog, rules });
  ({ url } = await listenApi(app, { host: "127.0.0.1", port: 0 }));
});
afterAll(async () => {
  await kit.close();
  await app.close();
});
beforeEach(async () => {
  files = new AttemptKit();
  await write(files.files, `${files.space}/in/a`, "a");
  await write(files.files, `${files.space}/in/gone/b`, "b");
  await write(files.files, `${files.space}/other`, "other");
  await files.files.symlink(
    { workflow: "flow", path: `${files.space}/in/link`, target: "a" },
    OPTIONS,
  );
  attempt = await files.begin();
});
// Real processes on a machine that does other things as well.
vi.setConfig({ testTimeout: 60_000 });

/** Those with a `ctx`. */
type Scripted = Exclude<Language, "executable" | "container">;

/** What a mapper yields, whose body has the workspace as `dir`; or how it failed. */
async function told(language: Scripted, body: string, mount?: string): Promise<unknown> {
  const source =
    language === "python"
      ? `import os\ndef map(arguments, ctx):\n    yield ctx.to_return()\n${body.replace(/^/gmu, "    ")}\n`
      : `import fs from "node:fs"; import { execFileSync } from "node:child_process";
         export async function* map(args, ctx) { yield ctx.toReturn(); ${body} }`;
  const mapper = handlerOf(language, "mapper", source, { argumentType: "list" });
  const names = { request: files.space.split("/")[1] ?? "", invocation: "i", step: "s" };
  const volume = { ...attempt.access, url, mount };
  const outcome = await kit.map({ mapper }, [[0, 0]], { context: { volume, names } });
  return failureOf(outcome)?.message ?? resultOf(kit, outcome);
}

const BEFORE = {
  in: "/",
  "in/a": "a",
  "in/gone": "/",
  "in/gone/b": "b",
  "in/link": "a",
  other: "other",
};

const CHANGES: Readonly<Record<Scripted, string>> = {
  javascript: `
    const dir = await ctx.workspaceDirectory();
    yield ["in", fs.readdirSync(dir + "/in").sort().join(" ")];
    yield ["link", fs.readFileSync(dir + "/in/link", "utf8")];
    execFileSync("sh", ["-c", 'cd "$JOBX_WORKSPACE" && printf new > in/a && rm -r in/gone && mkdir -p out/deep && ' +
      'printf run > out/deep/x && chmod 755 out/deep/x && mkdir none && ln -s ../in/a out/l && ln -sf nowhere in/link']);`,
  python: `
dir = ctx.workspace_directory()
yield "in", " ".join(sorted(os.listdir(dir + "/in")))
yield "link", open(dir + "/in/link").read()
RUN(["sh", "-c", 'cd "$JOBX_WORKSPACE" && printf new > in/a && rm -r in/gone && mkdir -p out/deep && '
    'printf run > out/deep/x && chmod 755 out/deep/x && mkdir none && ln -s ../in/a out/l && ln -sf nowhere in/link'])`,
};

test.each<Scripted>(["javascript", "python"])(
  "what programs of a %s handler change in the directory is in the workspace with the attempt's end",
  async (language) => {
    expect(await told(language, CHANGES[language])).toEqual([
      ["in", "a gone link"],
      ["link", "a"],
    ]);
    expect(await below(files.files, files.space)).toEqual(BEFORE);
    await files.end(attempt);
    const { space } = files;
    const link = { workflow: "flow", path: `${space}/in/link`, follow: false };
    expect(await files.files.stat(link, OPTIONS)).toMatchObject({ target: "nowhere" });
    const deep = { workflow: "flow", path: `${space}/out/deep/x`, follow: false };
    expect(await files.files.stat(deep, OPTIONS)).toMatchObject({ mode: 0o755, bytes: 3 });
    await files.files.remove({ ...link, recursive: false }, OPTIONS);
    expect(await below(files.files, space)).toEqual({
      ...{ in: "/", "in/a": "new", other: "other", none: "/" },
      ...{ out: "/", "out/deep": "/", "out/deep/x": "run", "out/l": "new" },
    });
  },
);

test.each<[Scripted, string]>([
  [
    "javascript",
    `const dir = await ctx.workspaceDirectory("in/a", "in/gone"); fs.writeFileSync(dir + "/in/gone/c", "c");`,
  ],
  ["python", `open(ctx.workspace_directory("in/a", "in/gone") + "/in/gone/c", "w").write("c")`],
])("a %s handler that asks for parts leaves the rest as it is", async (language, body) => {
  expect(await told(language, body)).toEqual([]);
  await files.end(attempt);
  expect(await below(files.files, files.space)).toEqual({ ...BEFORE, "in/gone/c": "c" });
});

test.each<[Scripted, string]>([
  [
    "javascript",
    `const dir = await ctx.workspaceDirectory(); fs.writeFileSync(dir + "/torn", "x"); throw new Error("no");`,
  ],
  ["python", `open(ctx.workspace_directory() + "/torn", "w").write("x")\nraise RuntimeError("no")`],
])(
  "of the directory of a %s handler that throws nothing goes out, and the next call has none",
  async (language, body) => {
    expect(await told(language, body)).toMatch(/no$/u);
    await files.end(attempt, failed());
    expect(await below(files.files, files.space)).toEqual(BEFORE);
    const look =
      language === "python"
        ? `yield "env", os.environ.get("JOBX_WORKSPACE")\nyield "left", os.path.exists("../workspace")`
        : `yield ["env", process.env.JOBX_WORKSPACE ?? null]; yield ["left", fs.existsSync("../workspace")];`;
    for (const [key, row] of [...files.tree.rows]) {
      if (row.kind === "delayed") files.tree.run({ kind: "due", delayedKey: key });
    }
    attempt = await files.begin();
    expect(await told(language, look)).toEqual([
      ["env", null],
      ["left", false],
    ]);
  },
);

test.each<[Scripted, string]>([
  ["javascript", `yield ["at", process.env.JOBX_VOLUME ?? null];`],
  ["python", `yield "at", os.environ.get("JOBX_VOLUME")`],
])("a %s handler finds where the volume is mounted, if it is", async (language, body) => {
  expect(await told(language, body, "/mnt/flow")).toEqual([["at", "/mnt/flow"]]);
  expect(await told(language, body)).toEqual([["at", null]]);
});

test.each<[Scripted, string]>([
  [
    "javascript",
    `const dir = await ctx.workspaceDirectory("in/a"); execFileSync("mkfifo", [dir + "/pipe"]);`,
  ],
  ["python", `os.mkfifo(ctx.workspace_directory("in/a") + "/pipe")`],
])("what is no file, folder or link fails a %s handler with its code", async (language, body) => {
  expect(await told(language, body)).toMatch(/FS_NOT_FILE/u);
});

test.each<[Scripted, string]>([
  [
    "javascript",
    `const dir = await ctx.workspaceDirectory("in/a"); for (let i = 0; i < 10001; i++) fs.writeFileSync(dir + "/" + i, "");`,
  ],
  [
    "python",
    `dir = ctx.workspace_directory("in/a")\nfor i in range(10001):\n    open(dir + "/%d" % i, "w").close()`,
  ],
])(
  "too many files fail a %s handler with their code, and nothing goes out",
  async (language, body) => {
    expect(await told(language, body)).toMatch(/at most 10000 files/u);
    expect(await below(attempt.own.files, files.space)).toEqual(BEFORE);
  },
);
