/** An engine that comes and goes, and containers whose workers are gone. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  busyboxRoot,
  startEngine,
  type TestEngine,
  whyNoEngine,
} from "../../test/lib/container-engines.ts";
import { silentLog } from "../std/log.ts";
import { Engine } from "./engine.ts";
import type { ContainerSettings } from "./settings.ts";
import { ContainerWatch } from "./watch.ts";
import { isWorkerGone, LABELS, ownWorkerLabel, processAt } from "./worker-label.ts";

const IMAGE = "localhost/jobx-test/busybox:1";
const MS = 30_000;

/** A process that says its label and then waits. */
async function startWorker(): Promise<{ readonly child: ChildProcess; readonly label: string }> {
  const module = fileURLToPath(new URL("worker-label.ts", import.meta.url));
  const script = `import { ownWorkerLabel } from ${JSON.stringify(module)};
    console.log(ownWorkerLabel()); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const label = await new Promise<string>((resolve) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString("utf8").trim()));
  });
  return { child, label };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

test("a worker is gone when it was killed, not before, and never because another has its id", async () => {
  const { child, label } = await startWorker();
  const isGone = (one: string, isOwn = false): boolean => isWorkerGone(one, { isOwn });
  expect(isGone(ownWorkerLabel())).toBe(false);
  expect(isGone(label)).toBe(false);
  const [boot = "", space = "", pid = "", start = ""] = label.split("/");
  expect(isGone([boot, space, pid, "1"].join("/"))).toBe(true);
  // Of an earlier boot, or on another machine: its own node alone knows.
  expect(isGone(["another-boot", space, pid, start].join("/"))).toBe(false);
  expect(isGone(["another-boot", space, pid, start].join("/"), true)).toBe(true);
  // In a space of processes that cannot be seen from here.
  expect(isGone([boot, "1", pid, start].join("/"))).toBe(false);
  expect(isGone([boot, "1", pid, start].join("/"), true)).toBe(true);
  await kill(child);
  expect(isGone(label)).toBe(true);
  for (const nothing of ["", "x", "a/b/c/d"]) expect(isGone(nothing)).toBe(false);
});

test("of a process whose entry cannot be read nothing is known", async () => {
  const proc = await mkdtemp(join(tmpdir(), "jobx-proc."));
  // A directory where the file is to be: it is there and cannot be read.
  await mkdir(join(proc, "7", "stat"), { recursive: true });
  await mkdir(join(proc, "8"));
  await writeFile(join(proc, "8", "stat"), "8 (node) S 1");
  expect(processAt(7, proc)).toEqual({ kind: "unknown" });
  expect(processAt(8, proc)).toEqual({ kind: "unknown" });
  expect(processAt(9, proc)).toEqual({ kind: "gone" });
  await rm(proc, { recursive: true });
});

describe.each(["docker", "podman"] as const)("with %s", (kind) => {
  const why = whyNoEngine(kind);
  if (why !== undefined) {
    console.warn(`tests of ${kind} are skipped: ${why}`);
    test.skip(why, () => undefined);
    return;
  }
  let running: TestEngine;
  let engine: Engine;
  let settings: ContainerSettings;

  beforeAll(async () => {
    running = await startEngine(kind);
    engine = new Engine({ kind: "socket", path: running.socket });
    const files = Readable.from([await busyboxRoot()]);
    await engine.images.import(files, { image: IMAGE, deadlineMs: MS });
    settings = {
      ...{ engines: ["unix:///nowhere", `unix://${running.socket}`], logins: "", paths: [] },
      ...{ memoryBytes: undefined, cluster: "c", node: "n" },
    };
  });

  afterAll(() => running.stop());

  async function startContainer(cluster: string, label: string): Promise<string> {
    const id = await engine.containers.create({
      ...{ image: IMAGE, command: ["sleep", "600"], environment: {}, mounts: [] },
      labels: { [LABELS.cluster]: cluster, [LABELS.node]: "other", [LABELS.worker]: label },
      ...{ memoryBytes: undefined, cpus: undefined, pids: undefined, network: "none" },
      tmpBytes: 1 << 20,
    });
    await engine.containers.start(id);
    return id;
  }

  test("the engine is told when it comes and goes, and containers of killed workers are removed", async () => {
    const told: boolean[] = [];
    const timers = {
      after(delayMs: number, run: () => void) {
        const timer = setTimeout(run, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    };
    const onChange = (isThere: boolean): void => void told.push(isThere);
    const watch = new ContainerWatch({ settings, timers, log: silentLog, onChange });
    const worker = await startWorker();
    const left = await startContainer("c", worker.label);
    const foreign = await startContainer("another", worker.label);
    const used = await startContainer("c", ownWorkerLabel());
    watch.start();
    const known = async (id: string): Promise<boolean> =>
      (await engine.containers.inspect(id)) !== undefined;
    await expect.poll(() => told, { timeout: MS }).toEqual([true]);
    expect(await known(left)).toBe(true);
    await kill(worker.child);
    await expect.poll(() => known(left), { timeout: MS, interval: 200 }).toBe(false);
    expect([await known(foreign), await known(used)]).toEqual([true, true]);
    await running.halt();
    await expect.poll(() => told, { timeout: MS }).toEqual([true, false]);
    await running.restart();
    await expect.poll(() => told, { timeout: MS }).toEqual([true, false, true]);
    await watch.stop();
    for (const id of [foreign, used]) await engine.containers.remove(id);
  });
});
