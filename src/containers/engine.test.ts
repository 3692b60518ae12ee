/** The client against real engines. */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  busyboxRoot,
  startEngine,
  startRegistry,
  type TestEngine,
  whyNoEngine,
  whyNoRegistry,
} from "../../test/lib/container-engines.ts";
import type { ContainerSpec } from "./container-spec.ts";
import { Engine } from "./engine.ts";
import { ensureImage, pinImage } from "./image-keeper.ts";
import type { OutputChunk } from "./output-frames.ts";

const IMAGE = "localhost/jobx-test/busybox:1";
const MS = 30_000;

describe.each(["docker", "podman"] as const)("%s", (kind) => {
  const why = whyNoEngine(kind) ?? whyNoRegistry();
  if (why !== undefined) {
    console.warn(`tests of ${kind} are skipped: ${why}`);
    test.skip(why, () => undefined);
    return;
  }
  let running: TestEngine;
  let registry: Awaited<ReturnType<typeof startRegistry>>;
  let engine: Engine;

  beforeAll(async () => {
    registry = await startRegistry();
    running = await startEngine(kind, { registry: registry.address });
    engine = new Engine({ kind: "socket", path: running.socket });
    const files = Readable.from([await busyboxRoot()]);
    await engine.images.import(files, { image: IMAGE, deadlineMs: MS });
  });

  afterAll(async () => {
    await running.stop();
    await registry.stop();
  });

  const specOf = (
    command: readonly string[],
    more: Partial<ContainerSpec> = {},
  ): ContainerSpec => ({
    ...{ image: IMAGE, command, environment: {}, labels: { "jobx.test": "yes" }, mounts: [] },
    ...{ memoryBytes: undefined, cpus: undefined, pids: undefined, network: "none" },
    ...{ tmpBytes: 1 << 20 },
    ...more,
  });

  /** Runs to the end, as a unit does. */
  async function run(spec: ContainerSpec): Promise<{
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }> {
    const { containers } = engine;
    const id = await containers.create(spec);
    try {
      const output = await containers.attach(id);
      const read = readAll(output);
      await containers.start(id);
      const code = await containers.wait(id, { deadlineMs: MS });
      return { code, ...(await read) };
    } finally {
      await containers.remove(id);
    }
  }

  test("it says which program answers", async () => {
    await engine.ping();
    expect((await engine.version()).kind).toBe(kind);
  });

  test("prints, exit code and environment of a container are its own", async () => {
    const script = 'echo "out $A"; echo err >&2; exit 7';
    const environment = { A: "b c" };
    expect(await run(specOf(["sh", "-c", script], { environment }))).toEqual({
      ...{ code: 7, stdout: "out b c\n", stderr: "err\n" },
    });
  });

  test("a million lines come whole and in order", async () => {
    const { stdout } = await run(specOf(["seq", "1", "1000000"]));
    expect(stdout.length).toBe(6_888_896);
    expect(stdout.endsWith("999999\n1000000\n")).toBe(true);
  });

  test("the root is read only, /tmp is not, and there is no network and no capability", async () => {
    const script =
      "touch /x 2>/dev/null || echo read-only; touch /tmp/x && echo tmp; ls /sys/class/net; " +
      "cat /proc/self/status | while read a b; do [ $a = CapEff: ] && echo $b; [ $a = NoNewPrivs: ] && echo nnp $b; done";
    const { stdout } = await run(specOf(["sh", "-c", `${script}; true`]));
    const lines = stdout.split("\n").filter((line) => line !== "");
    expect(lines.toSorted()).toEqual(["0000000000000000", "lo", "nnp 1", "read-only", "tmp"]);
  });

  test("more memory than it may have kills it", async () => {
    const memoryBytes = 16 << 20;
    const script = "dd if=/dev/zero of=/dev/null bs=64M count=1";
    const { code } = await run(specOf(["sh", "-c", `exec ${script}`], { memoryBytes }));
    expect(code).toBe(137);
  });

  test("processes beyond its number are not made", async () => {
    const script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; wait";
    const { stderr } = await run(specOf(["sh", "-c", script], { pids: 8 }));
    expect(stderr).toContain("fork");
  });

  test("what runs is listed by its label, killed and gone", async () => {
    const { containers } = engine;
    const id = await containers.create(specOf(["sleep", "600"], { labels: { "jobx.one": "1" } }));
    await containers.start(id);
    expect(await containers.list("jobx.one=1")).toMatchObject([
      { id, labels: { "jobx.one": "1" } },
    ]);
    expect((await containers.inspect(id))?.running).toBe(true);
    await containers.kill(id);
    await containers.wait(id, { deadlineMs: MS });
    expect(await containers.inspect(id)).toMatchObject({ running: false, exitCode: 137 });
    // Once more: it has ended.
    await containers.kill(id);
    await containers.remove(id);
    await containers.remove(id);
    expect(await containers.inspect(id)).toBeUndefined();
    expect(await containers.list("jobx.one=1")).toEqual([]);
  });

  test("a container that runs is removed with all that it has started", async () => {
    const { containers } = engine;
    const id = await containers.create(specOf(["sleep", "600"]));
    await containers.start(id);
    await containers.stop(id);
    await containers.remove(id);
    expect(await containers.inspect(id)).toBeUndefined();
  });

  test("waiting for a container that runs too long ends with the deadline", async () => {
    const { containers } = engine;
    const id = await containers.create(specOf(["sleep", "600"]));
    await containers.start(id);
    await expect(containers.wait(id, { deadlineMs: 300 })).rejects.toMatchObject({
      code: "CONTAINER_ENGINE_SILENT",
    });
    await containers.remove(id);
  });

  test("a command that is not there is refused with the engine's reason", async () => {
    const { containers } = engine;
    const id = await containers.create(specOf(["no-such-program"]));
    const started = containers.start(id);
    await expect(started).rejects.toMatchObject({ code: "CONTAINER_ENGINE_REFUSED" });
    await expect(started).rejects.toThrow("no-such-program");
    await containers.remove(id);
  });

  test("an image goes to a registry and comes back under the digest that the registry gives", async () => {
    const { images } = engine;
    const name = `${registry.address}/jobx/busybox:1`;
    await images.tag(IMAGE, name);
    await images.push(name, { deadlineMs: MS });
    await images.remove(name, { deadlineMs: MS });
    expect(await images.inspect(name)).toBeUndefined();
    // By an id that nothing has, too.
    expect(await images.inspect(`sha256:${"0a".repeat(32)}`)).toBeUndefined();
    const lines: string[] = [];
    await images.pull(name, { deadlineMs: MS, onProgress: (line) => lines.push(line) });
    expect(lines.length).toBeGreaterThan(0);
    const nothing = {
      idOf: () => Promise.resolve(undefined),
      open: () => Promise.resolve(undefined),
    };
    const login = () => Promise.resolve(undefined);
    const keeper = { engine, archives: nothing, login, call: { deadlineMs: MS } };
    const digest = await pinImage(name, keeper);
    expect(digest).toMatch(/\/jobx\/busybox@sha256:[0-9a-f]{64}$/);
    await images.remove(name, { deadlineMs: MS });
    await ensureImage(digest, keeper);
    expect((await images.inspect(digest))?.digests).toContain(digest);
  });

  test("an image that its registry does not have is told with the registry's reason", async () => {
    const pull = engine.images.pull(`${registry.address}/jobx/nothing:9`, { deadlineMs: MS });
    await expect(pull).rejects.toMatchObject({ code: "CONTAINER_IMAGE_UNAVAILABLE" });
  });

  test("an image that was saved is loaded under its name and id", async () => {
    const { images } = engine;
    const name = "localhost/jobx-test/saved:1";
    await images.tag(IMAGE, name);
    const before = await images.inspect(name);
    const chunks: Uint8Array[] = [];
    for await (const chunk of images.save(name, { deadlineMs: MS })) chunks.push(chunk);
    await images.remove(name, { deadlineMs: MS });
    const loaded = await images.load(Readable.from(chunks), { deadlineMs: MS });
    expect(loaded.some((one) => one.endsWith("jobx-test/saved:1"))).toBe(true);
    expect((await images.inspect(name))?.id).toBe(before?.id);
    expect((await images.list()).some(({ id }) => id === before?.id)).toBe(true);
  });

  test("an archive of a workflow gives the engine its image, and no name in it", async () => {
    const { images } = engine;
    const name = "localhost/jobx-test/taken:1";
    const files = Readable.from([await busyboxRoot()]);
    await images.import(files, { image: name, deadlineMs: MS });
    const id = (await images.inspect(name))?.id ?? "";
    const chunks: Uint8Array[] = [];
    for await (const chunk of images.save(name, { deadlineMs: MS })) chunks.push(chunk);
    await images.remove(name, { deadlineMs: MS });
    expect(await images.inspect(id)).toBeUndefined();
    const archives = {
      idOf: () => Promise.resolve(id),
      open: () => Promise.resolve(Readable.from(chunks)),
    };
    const login = () => Promise.resolve(undefined);
    const keeper = { engine, archives, login, call: { deadlineMs: MS } };
    expect(await pinImage("tools:1", keeper)).toBe(id);
    expect((await images.inspect(id))?.id).toBe(id);
    expect(await images.inspect(name)).toBeUndefined();
    const engineTags = { ...archives, idOf: () => Promise.resolve(IMAGE) };
    await expect(pinImage("tools:1", { ...keeper, archives: engineTags })).rejects.toMatchObject({
      code: "CONTAINER_IMAGE_UNAVAILABLE",
    });
    await images.remove(id, { deadlineMs: MS });
  });

  test("an archive that is none is refused", async () => {
    const load = engine.images.load(Readable.from([Buffer.alloc(4096, 7)]), { deadlineMs: MS });
    await expect(load).rejects.toMatchObject({ code: "CONTAINER_ENGINE_REFUSED" });
  });

  test("an engine that stands still is silent, one that has ended unreachable, and one that is back answers", async () => {
    await freeze(running.pid);
    await expect(engine.ping()).rejects.toMatchObject({ code: "CONTAINER_ENGINE_SILENT" });
    process.kill(running.pid, "SIGCONT");
    await engine.ping();
    await running.halt();
    await expect(engine.ping()).rejects.toMatchObject({ code: "CONTAINER_ENGINE_UNREACHABLE" });
    await running.restart();
    await engine.ping();
    expect(await engine.images.inspect(IMAGE)).toBeDefined();
  });
});

/** Resolves when the process stands still: the signal alone does not say so. */
async function freeze(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  const isStopped = (): boolean => /\) T /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  await expect.poll(isStopped, { timeout: 5_000 }).toBe(true);
}

async function readAll(
  output: AsyncIterable<OutputChunk>,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const chunks: OutputChunk[] = [];
  for await (const chunk of output) chunks.push(chunk);
  const textOf = (wanted: OutputChunk["stream"]): string =>
    Buffer.concat(
      chunks.filter(({ stream }) => stream === wanted).map(({ bytes }) => bytes),
    ).toString("utf8");
  return { stdout: textOf("stdout"), stderr: textOf("stderr") };
}
