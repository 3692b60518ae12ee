import { describe, expect, test } from "vitest";
import { containerSource, readContainerHandler } from "./container-handler.ts";
import { parseSteps } from "./document.ts";
import type { ParsedText } from "./handler-metadata.ts";

/** JSON is YAML enough for what is tested here. */
function parseYaml(text: string): ParsedText {
  const value: unknown = JSON.parse(text);
  return { kind: "value", value };
}
const read = (fields: Readonly<Record<string, unknown>>) =>
  readContainerHandler(JSON.stringify(fields), { file: "a.container.yaml", parseYaml });

const ALL = {
  ...{ image: "registry:5000/tools/sort:1", command: ["sort", "-n", 7], count: 9, cpus: 0.5 },
  ...{ environment: { B: "2", A: 1 }, network: "host", memory: "64MiB", pids: 20 },
  ...{ paths: ["/data/in:/in", "/data/out:/out:rw"], workspace: false },
};

describe("a container's description", () => {
  test("is read with all that may be said, and its stored form reads as the same", () => {
    const { handler, metadata } = read({
      ...ALL,
      retries: 2,
      timeout: "90s",
      description: "Sorts.",
    });
    expect(handler).toEqual({
      kind: "run",
      definition: {
        ...{ image: "registry:5000/tools/sort:1", command: ["sort", "-n", "7"], count: 9 },
        ...{ environment: { A: "1", B: "2" }, network: "host", memoryBytes: 64 * 2 ** 20 },
        ...{ cpuMillis: 500, pids: 20, workspace: false },
        paths: [
          { source: "/data/in", target: "/in", readOnly: true },
          { source: "/data/out", target: "/out", readOnly: false },
        ],
      },
    });
    const about = { retries: 2, timeoutMs: 90_000, requiredCapability: "docker", type: "mapper" };
    expect(metadata).toMatchObject({ ...about, description: "Sorts.", memoryBytes: undefined });
    const stored = containerSource(handler);
    const again = readContainerHandler(stored, { file: "a", parseYaml });
    expect(again.handler).toEqual(handler);
    expect(containerSource(again.handler)).toBe(stored);
  });

  test("needs an image only: once, without network, with the workspace", () => {
    const { handler } = read({ image: "busybox" });
    if (handler.kind !== "run") throw new Error("it runs");
    expect(handler.definition).toMatchObject({ count: 1, network: "none", workspace: true });
    expect(handler.definition.command).toBeUndefined();
  });

  test("a command that is one text is for the shell", () => {
    const { handler } = read({ image: "busybox", command: "echo $A | wc" });
    if (handler.kind !== "run") throw new Error("it runs");
    expect(handler.definition.command).toEqual(["/bin/sh", "-c", "echo $A | wc"]);
  });

  test("what only gathers is a reducer that any node runs", () => {
    const { handler, metadata } = read({ gather: true });
    expect(handler).toEqual({ kind: "gather" });
    expect(metadata).toMatchObject({ type: "reducer", requiredCapability: "none" });
  });

  test.each([
    [{}, "image is missing"],
    [{ image: "Not An Image" }, "image is a reference"],
    [{ image: "a", privileged: true }, "unknown key: privileged"],
    [{ image: "a", count: 0 }, "count is a whole number from 1"],
    [{ image: "a", count: 1_000_001 }, "count is a whole number from 1"],
    [{ image: "a", command: [] }, "command is a text for the shell"],
    [{ image: "a", command: [{}] }, "command has words that are text"],
    [{ image: "a", command: ["x".repeat(70_000)] }, "command has at most"],
    [{ image: "a", memory: "1MiB" }, "memory is bytes"],
    [{ image: "a", network: "bridge" }, "network is one of none, host"],
    [{ image: "a", environment: { JOBX_INDEX: "1" } }, "environment cannot set JOBX_INDEX"],
    [{ image: "a", paths: "/a:/b" }, "paths is a list"],
    [{ image: "a", paths: ["/a"] }, "paths are absolute"],
    [{ image: "a", paths: ["a:/b"] }, "paths are absolute"],
    [{ image: "a", paths: ["/a/../b:/b"] }, "paths are absolute"],
    [{ image: "a", paths: ["/:/b"] }, "paths are absolute"],
    [{ image: "a", paths: ["/a:/b:rw:z"] }, "paths are absolute"],
    [{ image: "a", paths: ["/a:/jobx/volume"] }, "paths may not be below /jobx"],
    [{ image: "a", workspace: "yes" }, "workspace is true or false"],
    [{ image: "a", timeout: "soon" }, "timeout is seconds"],
  ])("%j is refused with file, line and reason", (fields, reason) => {
    expect(() => read(fields)).toThrow(`a.container.yaml:1: ${reason}`);
  });
});

describe("a step that names an image", () => {
  const steps = (step: unknown) => parseSteps({ value: { render: step }, path: "steps" });

  test("stands for a container and a reducer that passes results on", () => {
    const { render } = steps({ image: "busybox", count: 3, retries: 5 });
    expect(render).toMatchObject({ map: "render.container", reduce: "render.gather", retries: 5 });
    expect(render?.handlers?.map(({ name, path }) => [name, path])).toEqual([
      ["render.container", "render.container.container.yaml"],
      ["render.gather", "render.gather.container.yaml"],
    ]);
  });

  test("may name a reducer of its own", () => {
    expect(steps({ image: "busybox", reduce: "sum" })["render"]?.reduce).toBe("sum");
  });

  test.each([
    [{ image: "busybox", map: "words" }, "steps.render.map"],
    [{ image: "busybox", memory: 1 }, "steps.render.memory: memory is bytes"],
    [{ image: "busybox", privileged: true }, "steps.render.privileged"],
    [{ command: "x", map: "a", reduce: "b" }, "steps.render.command"],
  ])("%j is refused with its place", (step, reason) => {
    expect(() => steps(step)).toThrow(reason);
  });
});
