import { afterEach, expect, test } from "vitest";
import { HandlerKit, handlerOf } from "../../test/lib/handler-kit.ts";
import type { HandlerRuntime } from "../wire/handler-metadata.ts";
import { workerKey } from "./worker-key.ts";

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const RUNTIME: HandlerRuntime = {
  ...{ cpuMillis: undefined, diskBytes: undefined, silenceMs: undefined, pids: undefined },
  ...{ isEnforced: false, sandbox: undefined, network: undefined, image: undefined },
  ...{ environment: {}, protocol: undefined, codec: undefined, separator: undefined },
  ...{ isPure: false, main: undefined },
};
const need = (language: "javascript" | "python", runtime?: HandlerRuntime) => {
  return { language, name: "a", version: "", memoryBytes: undefined, runtime };
};

test("the limit of memory tells workers of JavaScript apart, since they are told it at their start", () => {
  expect(workerKey(need("javascript"), 1)).not.toBe(workerKey(need("javascript"), 2));
  expect(workerKey(need("python"), 1)).toBe(workerKey(need("python"), 2));
});

test.each([
  { cpuMillis: 500 },
  { diskBytes: 1 },
  { pids: 9 },
  { isEnforced: true },
  { sandbox: "strict" },
  { network: "none" },
  { image: "debian:12" },
  { environment: { A: "1" } },
  { secrets: ["a"] },
] as const)("%j asks for a worker of its own", (said) => {
  const plain = workerKey(need("python", RUNTIME), undefined);
  expect(workerKey(need("python", { ...RUNTIME, ...said }), undefined)).not.toBe(plain);
});

test("what is said of each attempt alone lets handlers share a worker", () => {
  const said = { ...RUNTIME, silenceMs: 5, isPure: true };
  const plain = workerKey(need("python", RUNTIME), undefined);
  expect(workerKey(need("python", said), undefined)).toBe(plain);
});

test("a handler finds its variables, and another one without them does not", async () => {
  kit = await HandlerKit.open();
  const source = `import os
def map(args, ctx):
    yield ctx.map_to("x")
    yield os.environ.get("GREETING"), os.environ["HOME"] != ""
`;
  const runtime = { ...RUNTIME, environment: { GREETING: "hello, world" } };
  const seen: unknown[] = [];
  for (const options of [{ runtime }, {}]) {
    const outcome = await kit.map({ mapper: handlerOf("python", "mapper", source, options) }, []);
    if (outcome.kind === "mapped") seen.push(await kit.pairsOf(outcome.children));
  }
  expect(seen).toEqual([[["hello, world", true]], [[null, true]]]);
});
