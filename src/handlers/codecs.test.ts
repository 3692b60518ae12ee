/** Both codecs keep the same values and refuse the same ones, whichever a worker has chosen. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { HandlerKit, handlerOf } from "../../test/lib/handler-kit.ts";
import type { Language } from "../wire/dataset.ts";
import type { WorkerCodec } from "../wire/worker-protocol.ts";

vi.setConfig({ testTimeout: 60_000 });

const kits = new Map<WorkerCodec, HandlerKit>();
beforeAll(async () => {
  kits.set("json", await HandlerKit.open({ pool: { codecs: ["json"] } }));
  kits.set("msgpack", await HandlerKit.open({}));
});
afterAll(async () => {
  for (const kit of kits.values()) await kit.close();
});

function kitOf(codec: WorkerCodec): HandlerKit {
  const kit = kits.get(codec);
  if (kit === undefined) throw new Error("the kits are open");
  return kit;
}

function hasMsgpack(): boolean {
  try {
    execFileSync("/usr/bin/python3", ["-I", "-c", "import msgpack"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test.each([
  ["javascript", ["json"], "json"],
  ["javascript", ["msgpack", "json"], "msgpack"],
  ["python", ["json"], "json"],
  ["python", ["msgpack", "json"], hasMsgpack() ? "msgpack" : "json"],
] as const)("a %s worker that is offered %j takes %s", async (language, codecs, chosen) => {
  const kit = await HandlerKit.open({ pool: { codecs } });
  try {
    const need = { language, name: "", version: "", memoryBytes: undefined };
    const worker = await kit.pool.acquire(need, { user: 1 });
    expect(worker.codec).toBe(chosen);
    kit.pool.release(worker);
  } finally {
    await kit.close();
  }
});

test.runIf(hasMsgpack())(
  "a Python worker writes JSON for a while after a batch that was packed for nothing",
  async () => {
    const kit = kitOf("msgpack");
    const worker = await kit.pool.acquire(
      { language: "python", name: "", version: "", memoryBytes: undefined },
      { user: 1 },
    );
    const codecs: string[] = [];
    const end = await worker.call({
      start: {
        handler: { name: "a", version: "looks-alike", type: "mapper", argumentType: null },
        // The second byte of 200 is one that begins something to be looked at.
        source: `def map(args, ctx):
    yield ctx.to_return()
    for at in range(20000):
        yield at % 100, 200 if at == 3 else 1
`,
        directory: null,
        logs: "printed",
        session: [],
        names: { request: "r", invocation: "i", step: "s" },
      },
      input: [],
      onBatch: (_records, body) => {
        codecs.push(body[0] === "[".charCodeAt(0) ? "json" : "msgpack");
        return undefined;
      },
      onMessage: () => undefined,
    });
    kit.pool.release(worker);
    expect(end.kind).toBe("done");
    expect(codecs.indexOf("msgpack")).toBe(33);
    expect(codecs.slice(33)).not.toContain("json");
  },
);

/** Values as JSON text, which both languages read as what they are. */
const VALUES = [
  "0",
  "-0.0",
  "1",
  "1.0",
  "-1",
  "127",
  "128",
  "255",
  "256",
  "65535",
  "65536",
  "-32",
  "-33",
  "-128",
  "-32768",
  "2147483648",
  "4294967295",
  "4294967296",
  "-2147483649",
  "9007199254740991",
  "-9007199254740991",
  "0.1",
  "1e-7",
  "5e-324",
  "2.5e15",
  "true",
  "false",
  "null",
  '""',
  '"plain"',
  '"ž Ω д ä 🦊 \\u0000 \\ufeff"',
  `"${"long ".repeat(2000)}"`,
  "[]",
  "[[],[1,[2,[3]]]]",
  '{"a":{"b":[1,2.5,null,{"":true}]},"__proto__":1,"é":"ü"}',
  `${"[".repeat(200)}1${"]".repeat(200)}`,
];
const KEYS = VALUES.filter((text) => !text.includes("{") && !text.startsWith("[[[["));

const yields = (language: Language, pairs: readonly string[]): string =>
  language === "javascript"
    ? `export function* map(_, ctx) {
  yield ctx.mapTo("x");
  for (const pair of JSON.parse(${JSON.stringify(`[${pairs.join(",")}]`)})) yield pair;
}`
    : `import json
def map(args, ctx):
    yield ctx.map_to("x")
    yield from json.loads(${JSON.stringify(`[${pairs.join(",")}]`)})
`;

describe.each(["javascript", "python"] as const)("%s", (language) => {
  const run = (codec: WorkerCodec, source: string) =>
    kitOf(codec).map({ mapper: handlerOf(language, "mapper", source) }, []);

  test("keys and values have the same bytes under both", async () => {
    const pairs = [
      ...VALUES.map((value, at) => `[${at},${value}]`),
      ...KEYS.map((key, at) => `[${key},${at}]`),
    ];
    const source = yields(language, pairs);
    const got = await Promise.all(
      (["json", "msgpack"] as const).map(async (codec) => {
        const outcome = await run(codec, source);
        expect(outcome).toMatchObject({ kind: "mapped" });
        return outcome.kind === "mapped" ? kitOf(codec).pairsOf(outcome.children) : [];
      }),
    );
    expect(got[0]?.length).toBe(pairs.length);
    expect(JSON.stringify(got[1])).toBe(JSON.stringify(got[0]));
    const wanted = VALUES.map((value) => JSON.stringify(JSON.parse(value)));
    const values = got[0]?.slice(0, VALUES.length).map((pair) => JSON.stringify(pair[1]));
    expect(values).toEqual(wanted);
  });

  /** Each stands among others, so that the batch is large enough for either codec. */
  const REFUSED = {
    javascript: {
      NaN: "NaN",
      infinity: "-Infinity",
      "a large integer": "2 ** 53",
      "a huge number": "1e300",
      "a lone surrogate": "'\\ud800'",
      "a name with a lone surrogate": "{ '\\ud800': 1 }",
      undefined: "undefined",
      bytes: "new Uint8Array(3)",
      "a date": "new Date(0)",
      "a bigint": "1n",
      "what contains itself": "(() => { const a = []; a.push(a); return a; })()",
      "what is too deep": `${"[".repeat(300)}1${"]".repeat(300)}`,
    },
    python: {
      NaN: "float('nan')",
      infinity: "-float('inf')",
      "a large integer": "2 ** 53",
      "an integer of many bits": "-(2 ** 80)",
      "a huge number": "1e300",
      "a lone surrogate": "'\\ud800'",
      "a name with a lone surrogate": "{'\\ud800': 1}",
      "a name that is a number": "{1: 1}",
      bytes: "b'abc'",
      bytearray: "bytearray(3)",
      "bytes in a member": "{'a': [b'']}",
      "a set": "{1}",
      "a timestamp": "stamp()",
      "what contains itself": "itself()",
      "what is too deep": `${"[".repeat(90)}deep(210)${"]".repeat(90)}`,
      "what is much too deep": "deep(600)",
    },
  } as const;
  const PYTHON_HELP = `
def stamp():
    try:
        import msgpack
        return msgpack.Timestamp(1, 2)
    except ImportError:
        return object()
def itself():
    a = []
    a.append(a)
    return a
def deep(n):
    return [deep(n - 1)] if n else 1
`;

  test.each(Object.entries(REFUSED[language]))(
    "%s is refused in the same words under both",
    async (_what, expression) => {
      const source =
        language === "javascript"
          ? `export function* map(_, ctx) {
  yield ctx.mapTo("x");
  for (let at = 0; at < 20; at++) yield [at, at];
  yield ["bad", ${expression}];
  for (let at = 0; at < 60; at++) yield [at, at];
}`
          : `${PYTHON_HELP}
def map(args, ctx):
    yield ctx.map_to("x")
    for at in range(20): yield at, at
    yield "bad", ${expression}
    for at in range(60): yield at, at
`;
      const [json, packed] = await Promise.all([run("json", source), run("msgpack", source)]);
      const error = json.kind === "failed" ? json.error : undefined;
      expect(error?.code).toMatch(/^HANDLER_(?:VALUE_NOT_EXACT|OUTPUT_INVALID)$/);
      // Directories of the workers differ.
      const same = (text: string | undefined) => text?.replace(/\S*worker-\d+/g, "");
      const other = packed.kind === "failed" ? packed.error : undefined;
      expect({ ...other, traceback: same(other?.traceback) }).toEqual({
        ...error,
        traceback: same(error?.traceback),
      });
    },
  );
});
