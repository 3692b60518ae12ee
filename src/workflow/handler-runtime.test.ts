import { describe, expect, test } from "vitest";
import { readRuntime } from "./handler-runtime.ts";

class Refused extends Error {}

const refuse = (key: string, reason: string): Error => new Refused(`${key}: ${reason}`);

const read = (fields: Readonly<Record<string, unknown>>, isExecutable = false) =>
  readRuntime(new Map(Object.entries(fields)), { isExecutable, isBundle: false, refuse });

describe("readRuntime()", () => {
  test("a handler that says nothing about its running has none", () => {
    expect(read({ handler_type: "mapper", memory: "1GiB" })).toBeUndefined();
  });

  test("reads all that may be said", () => {
    const said = {
      ...{ cpus: 0.5, disk: "2 GiB", silence: "90s", pids: 20, require: "enforced" },
      ...{ sandbox: "strict", network: "none", image: "registry:5000/tools/sort:1.2", pure: true },
      ...{ environment: { B: "two", A: 1, C: true }, codec: "tsv", separator: "::" },
    };
    expect(read(said, true)).toEqual({
      ...{ cpuMillis: 500, diskBytes: 2 * 2 ** 30, silenceMs: 90_000, pids: 20 },
      ...{ isEnforced: true, sandbox: "strict", network: "none", isPure: true },
      image: "registry:5000/tools/sort:1.2",
      environment: { A: "1", B: "two", C: "true" },
      ...{ protocol: undefined, codec: "tsv", separator: "::" },
    });
  });

  test("secrets of an executable need frames: in line mode nothing brings them", () => {
    const refused = "secrets: secrets are given to an executable with protocol: frames only";
    expect(() => read({ secrets: ["a"] }, true)).toThrow(refused);
    expect(() => read({ secrets: ["a"], protocol: "lines" }, true)).toThrow(refused);
    expect(read({ secrets: ["a"], protocol: "frames" }, true)?.secrets).toEqual(["a"]);
    expect(read({ secrets: [], cpus: 1 }, true)?.secrets).toBe(undefined);
  });

  test("secrets are named once, in order, and no list is none", () => {
    expect(read({ secrets: ["b", "a", "b"] })?.secrets).toEqual(["a", "b"]);
    expect(read({ unseal: true, handler_type: "mapper" })?.unseals).toBe(true);
    expect(read({ secrets: [] })?.secrets).toBe(undefined);
  });

  test("variables are in the order of their names, however they are written", () => {
    const names = Object.keys(read({ environment: { z: "1", a: "2", m: "3" } })?.environment ?? {});
    expect(names).toEqual(["a", "m", "z"]);
  });

  test.each([
    [{ cpus: 0 }, "cpus: cpus is a number"],
    [{ cpus: 0.0001 }, "cpus: cpus is a number"],
    [{ cpus: "2" }, "cpus: cpus is a number"],
    [{ cpus: Number.NaN }, "cpus: cpus is a number"],
    [{ disk: "2 TB" }, "disk: disk is bytes"],
    [{ disk: -1 }, "disk: disk is bytes"],
    [{ silence: 0 }, "silence: silence is seconds"],
    [{ silence: "8d" }, "silence: silence is seconds"],
    [{ pids: 1.5 }, "pids: pids is an integer"],
    [{ require: true }, "require: require is one of enforced"],
    [{ sandbox: "some" }, "sandbox: sandbox is one of none, strict"],
    [{ network: "full" }, "network: network is one of none, host"],
    [{ image: "Not An Image" }, "image: image is a reference"],
    [{ image: "a@sha256:12" }, "image: image is a reference"],
    [{ environment: ["A=1"] }, "environment: environment is a mapping"],
    [{ environment: { "1A": "x" } }, "environment: environment has names"],
    [{ environment: { A: null } }, "environment: environment needs a text for A"],
    [{ environment: { A: "x\0y" } }, "environment: environment has a zero byte in the value of A"],
    [{ environment: { JOBX_KEY: "x" } }, "environment: environment cannot set JOBX_KEY: nodes do"],
    [{ environment: { HOME: "x" } }, "environment: environment cannot set HOME: nodes do"],
    [{ pure: "yes" }, "pure: pure is true or false"],
    [{ unseal: "yes", handler_type: "mapper" }, "unseal: unseal is true or false"],
    [{ unseal: true, handler_type: "reducer" }, "unseal: unseal is for mappers"],
    [{ secrets: "key" }, "secrets: secrets is a list of names"],
    [{ secrets: ["a.b"] }, "secrets: secrets has names"],
    [{ secrets: [1] }, "secrets: secrets has names"],
    [{ secrets: Array.from({ length: 33 }, (_, at) => `s${at}`) }, "secrets: secrets has at most"],
  ])("%j is refused", (said, reason) => {
    expect(() => read(said)).toThrow(reason);
  });

  test.each([
    [{ protocol: "http" }, "protocol: protocol is one of lines, frames"],
    [{ codec: "csv" }, "codec: codec is one of tsv, ndjson"],
    [{ separator: "" }, "separator: separator is 1 to 16"],
    [{ separator: "\n" }, "separator: separator is 1 to 16"],
    [{ protocol: "frames", codec: "tsv" }, "codec: codec is for the protocol lines only"],
    [{ codec: "ndjson", separator: "," }, "separator: separator is for the codec tsv only"],
  ])("%j is refused of an executable", (said, reason) => {
    expect(() => read(said, true)).toThrow(reason);
  });

  test.each(["protocol", "codec", "separator"])("%s is for executables only", (key) => {
    expect(() => read({ [key]: "lines" })).toThrow(`${key}: ${key} is for executables only`);
  });

  test("more variables than are allowed are refused", () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`V${at}`, "x"]));
    expect(() => read({ environment: many })).toThrow("at most 64 names");
  });
});
