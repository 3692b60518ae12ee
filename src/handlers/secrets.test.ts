import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { HandlerKit, handlerOf } from "../../test/lib/handler-kit.ts";
import { openSealedValue, pointOfKey, sealValue } from "../node/seal/sealed-value.ts";
import type { HandlerRuntime } from "../wire/handler-metadata.ts";

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const naming = (...secrets: readonly string[]): HandlerRuntime => ({
  ...{ cpuMillis: undefined, diskBytes: undefined, silenceMs: undefined, pids: undefined },
  ...{ isEnforced: false, sandbox: undefined, network: undefined, image: undefined },
  ...{ environment: {}, protocol: undefined, codec: undefined, separator: undefined },
  ...{ isPure: false, main: undefined, secrets },
});

const VALUES = { api_key: "k-5up3r-s3cret", other: "an0ther-s3cret" };
const context = { secrets: VALUES };

const ENVIRONMENT_AND_MEMORY = {
  python: `import json
def map(args, ctx):
    yield ctx.map_to("x")
    yield "told", dict(ctx.secrets)
    yield "environment", "s3cret" in open("/proc/self/environ").read() + open("/proc/self/cmdline").read()
`,
  javascript: `import { readFileSync } from "node:fs";
export function* map(args, ctx) {
  yield ctx.mapTo("x");
  yield ["told", { ...ctx.secrets }];
  const seen = readFileSync("/proc/self/environ", "utf8") + readFileSync("/proc/self/cmdline", "utf8");
  yield ["environment", seen.includes("s3cret") || JSON.stringify(process.env).includes("s3cret")];
}
`,
} as const;

describe.each(["python", "javascript"] as const)("a handler in %s", (language) => {
  const source = ENVIRONMENT_AND_MEMORY[language];

  test("is told the secrets that it names, and no others, and not by its environment", async () => {
    kit = await HandlerKit.open();
    const seen: unknown[] = [];
    for (const runtime of [naming("api_key"), naming("api_key", "other"), undefined]) {
      const options = runtime === undefined ? {} : { runtime };
      const mapper = handlerOf(language, "mapper", source, options);
      const outcome = await kit.map({ mapper }, [], { context });
      if (outcome.kind === "mapped") seen.push(await kit.pairsOf(outcome.children));
    }
    const { api_key } = VALUES;
    expect(seen).toEqual(
      [{ api_key }, VALUES, {}].map((told) => [
        ["told", told],
        ["environment", false],
      ]),
    );
  });
});

test("what one handler leaves in its worker is not found by one that names other secrets", async () => {
  kit = await HandlerKit.open();
  const keep = `import builtins
def map(args, ctx):
    builtins.kept = ctx.secrets.api_key
    yield ctx.map_to("x")
    yield "kept", True
`;
  const find = `import builtins
def map(args, ctx):
    yield ctx.map_to("x")
    yield "found", getattr(builtins, "kept", None)
`;
  await kit.map(
    { mapper: handlerOf("python", "mapper", keep, { runtime: naming("api_key") }) },
    [],
    { context },
  );
  for (const options of [{}, { runtime: naming("other") }]) {
    const mapper = handlerOf("python", "mapper", find, options);
    const outcome = await kit.map({ mapper }, [], { context });
    expect(outcome.kind === "mapped" && (await kit.pairsOf(outcome.children))).toEqual([
      ["found", null],
    ]);
  }
});

test("what a handler prints, logs and fails with has stars in the place of its secrets", async () => {
  kit = await HandlerKit.open();
  const source = `import os, sys
def map(args, ctx):
    print("key is", ctx.secrets.api_key, "here")
    sys.stderr.write("half " + ctx.secrets.api_key[:5])
    sys.stderr.flush()
    sys.stderr.write(ctx.secrets.api_key[5:] + "\\n")
    ctx.log.info("logged %s", ctx.secrets.api_key)
    os.write(1, ctx.secrets.api_key[:4].encode())
    raise ValueError("bad key " + ctx.secrets.api_key)
`;
  const live: string[] = [];
  const onOutput = (_: string, chunk: Uint8Array) => live.push(Buffer.from(chunk).toString());
  const mapper = handlerOf("python", "mapper", source, { runtime: naming("api_key") });
  const outcome = await kit.map({ mapper }, [], { context: { ...context, onOutput } });
  expect(outcome).toMatchObject({
    kind: "failed",
    error: { code: "HANDLER_FAILED", message: "ValueError: bad key ***" },
  });
  const text = JSON.stringify(outcome);
  expect(text).toContain("key is *** here");
  expect(text).toContain("half ***");
  expect(text).toContain("logged ***");
  // The beginning of a value is shown when it turns out to be no more than that.
  expect(text).toContain("k-5u");
  expect(text + live.join("")).not.toContain(VALUES.api_key);
});

describe("a mapper", () => {
  const source = `def map(args, ctx):
    print("opened", args["password"])
    yield ctx.map_to("x")
    yield "given", args
`;
  const { privateKey } = generateKeyPairSync("x25519");
  const point = pointOfKey(createPublicKey(privateKey));
  const unseal = (text: string) => openSealedValue(privateKey, text);
  const $sealed = sealValue(point, "0pen-s3same");
  const mapperOf = (unseals: boolean | undefined) =>
    handlerOf("python", "mapper", source, {
      argumentType: "dict",
      runtime: { ...naming(), secrets: undefined, unseals },
    });

  test("that unseals is given what was sealed, wherever it stands, and its prints have stars", async () => {
    kit = await HandlerKit.open();
    const chunks: string[] = [];
    const onOutput = (_: string, chunk: Uint8Array) => chunks.push(Buffer.from(chunk).toString());
    const pairs = [
      ["password", { deep: [{ $sealed }, 1] }] as const,
      ["plain", "$sealed"] as const,
    ];
    const outcome = await kit.map({ mapper: mapperOf(true) }, pairs, {
      context: { unseal, onOutput },
    });
    expect(outcome.kind === "mapped" && (await kit.pairsOf(outcome.children))).toEqual([
      ["given", { password: { deep: ["0pen-s3same", 1] }, plain: "$sealed" }],
    ]);
    expect(chunks.join("")).toContain("opened {'deep': ['***', 1]}");
  });

  test("that does not unseal is given the sealed form", async () => {
    kit = await HandlerKit.open();
    const context = { unseal };
    const pairs = [["password", { $sealed }] as const];
    const outcome = await kit.map({ mapper: mapperOf(undefined) }, pairs, { context });
    expect(outcome.kind === "mapped" && (await kit.pairsOf(outcome.children))).toEqual([
      ["given", { password: { $sealed } }],
    ]);
  });

  test.each([
    { $sealed: "AAAA" },
    { $sealed: 1 },
    { $sealed: sealValue(pointOfKey(generateKeyPairSync("x25519").publicKey), "of others") },
  ])("fails where %j cannot be opened", async (sealed) => {
    kit = await HandlerKit.open();
    const pairs = [["password", sealed] as const];
    const outcome = await kit.map({ mapper: mapperOf(true) }, pairs, { context: { unseal } });
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "HANDLER_SEALED_INVALID" } });
  });
});
