import { expect, test } from "vitest";
import type { HandlerRef } from "../scheduler/work.ts";
import type { HandlerRuntime } from "../workflow/handler-runtime.ts";
import { handlerRefCodec } from "./work-codec.ts";

const PLAIN: HandlerRef = {
  ...{ name: "a", version: "00".repeat(32), language: "python", type: "mapper" },
  ...{ argumentType: null, memoryBytes: undefined },
};

test("a handler that says nothing about its running is written as before", () => {
  expect(handlerRefCodec.encode(PLAIN)).toHaveLength(6);
  expect(handlerRefCodec.decode(handlerRefCodec.encode(PLAIN))).toEqual(PLAIN);
});

test("what a handler says about its running comes back", () => {
  const runtime: HandlerRuntime = {
    ...{ cpuMillis: 1500, diskBytes: undefined, silenceMs: 1000, pids: undefined },
    ...{ isEnforced: true, sandbox: "strict", network: "none", image: "debian:12" },
    ...{ environment: { B: "2", A: "1" }, protocol: "lines", codec: "ndjson" },
    ...{ separator: undefined, isPure: false, main: undefined },
  };
  const written = handlerRefCodec.encode({ ...PLAIN, runtime });
  expect(handlerRefCodec.decode(written)).toEqual({ ...PLAIN, runtime });
  const secrets = { ...PLAIN, runtime: { ...runtime, secrets: ["a", "b"] } };
  const sealed = { ...PLAIN, runtime: { ...runtime, unseals: true } };
  expect(handlerRefCodec.decode(handlerRefCodec.encode(sealed))).toEqual(sealed);
  expect(handlerRefCodec.decode(handlerRefCodec.encode(secrets))).toEqual(secrets);
});
