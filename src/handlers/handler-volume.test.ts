/** `ctx.fs` and `FS` of real workers, over the routes of the API. */
import { createServer } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { FakeCluster } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { failureOf, HandlerKit, handlerOf, resultOf } from "../../test/lib/handler-kit.ts";
import { buildApi, listenApi } from "../api/server.ts";
import { silentLog } from "../std/log.ts";
import type { Language } from "../wire/dataset.ts";
import type { VolumeAccess } from "../wire/worker-protocol.ts";

const cluster = new FakeCluster();
let kit: HandlerKit;
let app: FastifyInstance;
let volume: VolumeAccess;

beforeAll(async () => {
  kit = await HandlerKit.open({ slots: 1 });
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  app = await buildApi({ cluster, log: silentLog, rules });
  const { url } = await listenApi(app, { host: "127.0.0.1", port: 0 });
  volume = { url, workflow: "text", token: TOKENS.handler };
});
afterAll(async () => {
  await kit.close();
  await app.close();
});
beforeEach(() => cluster.reset());
// Real processes on a machine that does other things as well.
vi.setConfig({ testTimeout: 60_000 });

/** What a mapper yields in its body, with the volume or another one. */
async function told(
  language: Language,
  body: string,
  access: VolumeAccess | undefined = volume,
): Promise<unknown> {
  const source =
    language === "python"
      ? `def map(arguments, ctx):\n    yield ctx.to_return()\n${body.replace(/^/gmu, "    ")}\n`
      : `export async function* map(args, ctx) { yield ctx.toReturn(); ${body} }`;
  const mapper = handlerOf(language, "mapper", source, { argumentType: "list" });
  const outcome = await kit.map({ mapper }, [[0, 0]], { context: { volume: access } });
  return failureOf(outcome)?.message ?? resultOf(kit, outcome);
}

const content = (path: string): string | undefined =>
  cluster.files.nodes.get(path)?.content?.toString();

test("JavaScript writes, reads, lists, moves and removes", async () => {
  const pairs = await told(
    "javascript",
    `await ctx.fs.mkdir("a");
     const stat = await ctx.fs.write("a/x", "hello");
     await ctx.fs.write("a/y", (async function* () { yield "wor"; yield Buffer.from("ld"); })());
     yield ["size", [stat.size, await ctx.fs.getFilesize("a/x"), stat.cid === await ctx.fs.cidOf("a/x")]];
     yield ["is", [await ctx.fs.exists("b"), await ctx.fs.isdir("a"), await ctx.fs.isfile("a/y")]];
     const names = []; for await (const one of ctx.fs.walk()) names.push(one.path);
     yield ["names", names];
     let text = ""; for await (const part of await ctx.fs.open("a/y")) text += Buffer.from(part);
     yield ["text", text];
     const part = await ctx.fs.read("a/x", { from: 1, to: 3 });
     yield ["part", await new Response(part).text()];
     await ctx.fs.cpr("a", "b"); await ctx.fs.mv("b/x", "z"); await ctx.fs.rm("b/y");
     await ctx.fs.rmdir("a", { recursive: true });`,
  );
  expect(pairs).toEqual([
    ["is", [false, true, true]],
    ["names", ["a", "a/x", "a/y"]],
    ["part", "el"],
    ["size", [5, 5, true]],
    ["text", "world"],
  ]);
  expect([...cluster.files.nodes.keys()].sort()).toEqual(["/b", "/z"]);
  expect(content("/z")).toBe("hello");
});

test.each<[Language, string]>([
  ["javascript", `await ctx.fs.publish(ctx.workspace + "/made", "out/made");`],
  ["python", `FS.publish(ctx.workspace + "/made", "out/made")`],
])("a %s handler publishes what lies in its workspace", async (language, body) => {
  cluster.files.add("/.requests/request/made", Buffer.from("x"));
  expect(await told(language, body.replaceAll("ctx.workspace", '".requests/request"'))).toEqual([]);
  expect([...cluster.files.nodes.keys()]).toEqual(["/out/made"]);
});

test("Python writes, reads, lists, moves and removes", async () => {
  const pairs = await told(
    "python",
    `FS.mkdir("a")
with FS.open("a/x", "w") as file:
    file.write("hel")
    file.write("lo\\n")
with ctx.fs.open("a/y", "wb") as file:
    file.write(b"w" * 700000)
yield "size", [FS.get_filesize("a/x"), FS.get_stat("a/y")["size"], FS.get_stat("a/x")["type"]]
yield "is", [FS.exists("b"), FS.isdir("a"), FS.isfile("a/y"), FS.cid_of("a/x")[:1]]
yield "names", [[name, stat["path"]] for name, stat in FS.ls("a")]
with FS.open("a/x") as file:
    yield "text", [line for line in file]
with FS.open("a/y", "rb") as file:
    yield "length", len(file.read())
FS.cpr("a", "b")
FS.mv("b/x", "z")
FS.rm("b/y")
FS.rmdir("a", recursive=True)`,
  );
  expect(pairs).toEqual([
    ["is", [false, true, true, "b"]],
    ["length", 700_000],
    [
      "names",
      [
        ["x", "a/x"],
        ["y", "a/y"],
      ],
    ],
    ["size", [6, 700_000, "file"]],
    ["text", ["hello\n"]],
  ]);
  expect([...cluster.files.nodes.keys()].sort()).toEqual(["/b", "/z"]);
});

test.each([
  ["javascript", `yield ["code", await ctx.fs.readText("no").catch((e) => e.code)];`],
  ["javascript", `yield ["code", await ctx.fs.write("../no", "").catch((e) => e.code)];`],
  ["python", `try:\n    FS.open("no")\nexcept OSError as error:\n    yield "code", error.code`],
  [
    "python",
    `try:\n    FS.open("/no", "w")\nexcept OSError as error:\n    yield "code", error.code`,
  ],
] as const)("what is refused has its code, in %s: %s", async (language, body) => {
  const code = body.includes('"no"') ? "FS_NOT_FOUND" : "FS_NAME_INVALID";
  expect(await told(language, body)).toEqual([["code", code]]);
});

test.each([
  [
    "javascript",
    `const writer = (await ctx.fs.open("half", "w")).getWriter();
     await writer.write("x".repeat(300000));
     await writer.abort(new Error("no more"));`,
  ],
  [
    "python",
    `try:\n    with FS.open("half", "w") as file:\n        file.write("x" * 300000)\n        raise KeyError()\nexcept KeyError:\n    pass`,
  ],
] as const)("a file that its writer gives up leaves nothing, in %s", async (language, body) => {
  expect(
    await told(language, `${body}\n${language === "python" ? 'yield "a", 1' : 'yield ["a", 1];'}`),
  ).toEqual([["a", 1]]);
  expect(content("/half")).toBeUndefined();
});

test("a file that is not closed in Python leaves nothing", async () => {
  const body = `file = FS.open("half", "wb")\nfile.write(b"x" * 300000)\ndel file\nyield "a", 1`;
  expect(await told("python", body)).toEqual([["a", 1]]);
  expect(content("/half")).toBeUndefined();
});

test.each([
  ["javascript", `for await (const part of await ctx.fs.open("long")) yield ["a", part.length];`],
  ["python", `with FS.open("long", "rb") as file:\n    yield "a", len(file.read())`],
] as const)(
  "a file that breaks off is an error, not a short file, in %s",
  async (language, body) => {
    cluster.files.add("/long", Buffer.alloc(100_000));
    cluster.files.breaksAfter = 50_000;
    const message = await told(language, body);
    expect(message).toEqual(expect.any(String));
  },
);

test.each(["javascript", "python"] as const)(
  "without a node there is a code, in %s",
  async (language) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const body =
      language === "python"
        ? `yield "a", FS.exists("x")`
        : `yield ["a", await ctx.fs.exists("x")];`;
    const message = await told(language, body, { ...volume, url: `http://127.0.0.1:${port}` });
    expect(message).toContain("HANDLER_VOLUME_UNAVAILABLE");
  },
);

test.each([
  [
    "javascript",
    `const writer = (await ctx.fs.open("large", "w")).getWriter();
     let code = "none";
     try {
       for (let at = 0; at < 80; at++) await writer.write(new Uint8Array(65536));
       await writer.close();
     } catch (error) { code = error.code; }
     yield ["code", code];`,
  ],
  [
    "python",
    `code = "none"
try:
    with FS.open("large", "wb") as file:
        for _ in range(80):
            file.write(bytes(65536))
except OSError as error:
    code = error.code
yield "code", code`,
  ],
] as const)(
  "a large file that is refused at once ends with the code, in %s",
  async (language, body) => {
    const other = { ...volume, workflow: "other" };
    expect(await told(language, body, other)).toEqual([["code", "API_WORKFLOW_REFUSED"]]);
  },
);

test("a file that must not be there is not replaced", async () => {
  cluster.files.add("/there", Buffer.from("old"));
  const body = `try:\n    with FS.open("there", "x") as file:\n        file.write("new")\nexcept OSError as error:\n    yield "code", error.code`;
  expect(await told("python", body)).toEqual([["code", "FS_EXISTS"]]);
  expect(content("/there")).toBe("old");
});

test.each(["javascript", "python"] as const)(
  "the workspace is the request's, in %s",
  async (language) => {
    const body = language === "python" ? `yield "a", ctx.workspace` : `yield ["a", ctx.workspace];`;
    expect(await told(language, body)).toEqual([["a", ".requests/r1"]]);
  },
);
