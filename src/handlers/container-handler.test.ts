/** Units that run containers, in real workers, on real engines. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  busyboxRoot,
  startEngine,
  type TestEngine,
  whyNoEngine,
} from "../../test/lib/container-engines.ts";
import { HandlerKit, handlerOf, type Pair, type TestHandler } from "../../test/lib/handler-kit.ts";
import { Engine } from "../containers/engine.ts";
import type { ContainerSettings } from "../containers/settings.ts";
import { ContainerWatch } from "../containers/watch.ts";
import { silentLog } from "../std/log.ts";
import type { Outcome } from "../wire/dataset.ts";

const IMAGE = "localhost/jobx-test/busybox:1";
const MS = 30_000;

/** The mapper of a step that runs an image with these fields. */
function stepOf(fields: Readonly<Record<string, unknown>>): TestHandler {
  const described = { image: IMAGE, count: 1, environment: {}, network: "none", paths: [] };
  return handlerOf("container", "mapper", JSON.stringify({ ...described, ...fields }));
}

/** What passes results on. */
const GATHER = handlerOf("container", "reducer", JSON.stringify({ gather: true }));

/** A unit as the first call of a step would make it. */
function unitOf(image: string, index = 0, count = 1): Pair {
  return [index, { "jobx.container": { index, count, image, arguments: "[]" } }];
}

const UNIT_NAMES = { request: "r1", invocation: "r1.0", step: "s1", fromOwnStep: true };

describe.each(["docker", "podman"] as const)("with %s", (kind) => {
  const why = whyNoEngine(kind);
  if (why !== undefined) {
    console.warn(`tests of containers with ${kind} are skipped: ${why}`);
    test.skip(why, () => undefined);
    return;
  }
  let running: TestEngine;
  let engine: Engine;
  let kit: HandlerKit;
  let folder = "";
  let settings: ContainerSettings;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "jobx-paths."));
    running = await startEngine(kind);
    engine = new Engine({ kind: "socket", path: running.socket });
    const files = Readable.from([await busyboxRoot()]);
    await engine.images.import(files, { image: IMAGE, deadlineMs: MS });
    settings = {
      ...{ engines: [`unix://${running.socket}`], logins: "", paths: [join(folder, "open")] },
      ...{ memoryBytes: 256 << 20, cluster: "c", node: "n" },
    };
    kit = await HandlerKit.open({ pool: { containers: settings } });
  });

  afterAll(async () => {
    await kit.close();
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const containersLeft = async (): Promise<number> =>
    (await engine.containers.list("jobx.cluster=c")).length;

  /** Runs one unit; what it has printed comes with it. */
  async function unit(
    fields: Readonly<Record<string, unknown>>,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly outcome: Outcome; readonly stdout: string }> {
    let stdout = "";
    const outcome = await kit.map(
      { mapper: stepOf(fields), reducer: GATHER },
      [unitOf(IMAGE, 3, 5)],
      {
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
        context: {
          names: UNIT_NAMES,
          onOutput: (stream, chunk) => {
            if (stream === "stdout") stdout += Buffer.from(chunk).toString("utf8");
          },
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
      },
    );
    return { outcome, stdout };
  }

  test("the first call maps to as many units as it is told, all of one image", async () => {
    const mapper = stepOf({ count: 2 });
    const outcome = await kit.map({ mapper }, [["count", 3]]);
    if (outcome.kind !== "mapped") throw new Error(JSON.stringify(outcome));
    const pairs = await kit.pairsOf(outcome.children);
    expect(pairs.map(([index]) => index)).toEqual([0, 1, 2]);
    const values = pairs.map(([, value]) => JSON.stringify(value));
    for (const value of values) expect(value).toMatch(/"image":"[^"]*sha256:[0-9a-f]{64}"/);
    expect(new Set(values.map((value) => /sha256:[0-9a-f]+/.exec(value)?.[0])).size).toBe(1);
  });

  test("a unit knows its index, prints, and tells when it ran", async () => {
    const script = 'echo "$JOBX_INDEX of $JOBX_COUNT $MODE"';
    const { outcome, stdout } = await unit({ command: script, environment: { MODE: "fast" } });
    expect(stdout).toBe("3 of 5 fast\n");
    if (outcome.kind !== "reduced") throw new Error(JSON.stringify(outcome));
    const [[index, end] = []] = await kit.pairsOf(outcome.parts[0] ?? []);
    expect(index).toBe(3);
    expect(end).toMatchObject({ exitCode: 0 });
    expect(await containersLeft()).toBe(0);
  });

  test.each([
    ["ends with another code", { command: "echo why >&2; exit 3" }, "CONTAINER_FAILED"],
    [
      "uses more memory",
      { command: "exec dd if=/dev/zero of=/dev/null bs=64M count=1", memory: 16 << 20 },
      "HANDLER_MEMORY_EXCEEDED",
    ],
    ["has no such program", { command: ["no-such-program"] }, "CONTAINER_ENGINE_REFUSED"],
    ["is to see what it may not", { paths: ["/etc:/in"] }, "CONTAINER_PATH_FORBIDDEN"],
  ])("a container that %s fails its attempt", async (_what, fields, code) => {
    const { outcome } = await unit(fields);
    expect(outcome).toMatchObject({ kind: "failed", error: { code } });
    expect(await containersLeft()).toBe(0);
  });

  test("an image that nobody has fails the first call with the reason", async () => {
    const mapper = stepOf({ image: "127.0.0.1:1/none/such:1" });
    const outcome = await kit.map({ mapper }, []);
    expect(outcome).toMatchObject({
      kind: "failed",
      error: { code: "CONTAINER_IMAGE_UNAVAILABLE" },
    });
  });

  test("what the owner allows is seen, read only or not, and a link does not lead out of it", async () => {
    const open = join(folder, "open");
    await mkdir(open, { recursive: true });
    await writeFile(join(open, "a"), "from outside");
    await symlink("/etc", join(open, "out"));
    const paths = [`${open}:/in`, `${open}:/out:rw`];
    const script =
      "cat /in/a; touch /in/b 2>/dev/null || echo -n ' read-only'; echo -n new > /out/c";
    const { outcome, stdout } = await unit({ command: script, paths });
    expect(outcome.kind).toBe("reduced");
    expect(stdout).toBe("from outside read-only");
    expect(await readFile(join(open, "c"), "utf8")).toBe("new");
    const led = await unit({ command: "true", paths: [`${open}/out:/in`] });
    expect(led.outcome).toMatchObject({ error: { code: "CONTAINER_PATH_FORBIDDEN" } });
  });

  test("a container that runs too long, or is given up, is soon gone", async () => {
    const watch = new ContainerWatch({
      ...{ settings, timers: { after: timer }, log: silentLog, onChange: () => undefined },
    });
    watch.start();
    const late = await unit({ command: "sleep 600" }, { timeoutMs: 3_000 });
    expect(late.outcome).toMatchObject({ kind: "failed", error: { code: "HANDLER_TIMEOUT" } });
    const abort = new AbortController();
    const given = unit({ command: "sleep 600" }, { signal: abort.signal });
    await expect.poll(containersLeft, { timeout: MS }).toBeGreaterThan(0);
    abort.abort(new Error("cancelled"));
    expect((await given).outcome).toMatchObject({ kind: "released" });
    await expect.poll(containersLeft, { timeout: MS, interval: 200 }).toBe(0);
    await watch.stop();
  });

  test("an engine that ends fails what runs there with its code", async () => {
    const cut = unit({ command: "sleep 600" });
    await expect.poll(containersLeft, { timeout: MS }).toBeGreaterThan(0);
    await running.halt();
    const { outcome } = await cut;
    if (outcome.kind !== "failed") throw new Error(JSON.stringify(outcome));
    // An engine that ends in order ends its containers first.
    expect(outcome.error.code).toMatch(/^CONTAINER_(?:ENGINE_UNREACHABLE|FAILED)$/);
    await running.restart();
    for (const { id } of await engine.containers.list("jobx.cluster=c")) {
      await engine.containers.remove(id);
    }
  });
});

function timer(delayMs: number, run: () => void): { readonly cancel: () => void } {
  const set = setTimeout(run, delayMs);
  return { cancel: () => clearTimeout(set) };
}
