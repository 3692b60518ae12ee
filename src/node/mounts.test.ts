import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { silentLog } from "../std/log.ts";
import { MOUNTED_VOLUMES_MAX, type MountedWorkflow, Mounts } from "./mounts.ts";

let folder: string;
let timers: FakeTimers;
let workflows: readonly MountedWorkflow[];
let cleared: string[];
let started: string[];
let refusals: number;
let ends: Map<string, (how: string) => void>;
let mounts: Mounts;

/** Files are looked at on the way, which takes turns of the loop. */
async function pass(ms = 0): Promise<void> {
  await timers.advance(ms);
  await new Promise((resolve) => setTimeout(resolve, 150));
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jobx-mounts-"));
  timers = new FakeTimers();
  [workflows, cleared, started, refusals] = [[], [], [], 0];
  ends = new Map();
  mounts = new Mounts({
    directory: folder,
    workflows: () => workflows,
    start: async (workflow, directory) => {
      if (refusals > 0) {
        refusals -= 1;
        throw new Error("no");
      }
      started.push(workflow);
      let end = (_how: string): void => {};
      const ended = new Promise<string>((resolve) => {
        end = resolve;
      });
      ends.set(directory, end);
      const stop = async (): Promise<void> => end("stopped");
      return { pid: 1, minors: [], ended, release: () => {}, stop };
    },
    clear: async (directory) => {
      cleared.push(directory);
    },
    timers,
    nowMs: () => timers.nowMs(),
    log: silentLog,
  });
});

afterEach(async () => {
  await mounts.stop();
  rmSync(folder, { recursive: true });
});

test("each workflow has a folder while it is there, and another of the same name another mount", async () => {
  workflows = [{ name: "a", group: 1 }];
  await mounts.start();
  await pass();
  expect([started, existsSync(join(folder, "a"))]).toEqual([["a"], true]);
  expect([mounts.directoryOf("a"), mounts.directoryOf("b")]).toEqual([
    join(folder, "a"),
    undefined,
  ]);
  workflows = [
    { name: "a", group: 2 },
    { name: "b", group: 3 },
  ];
  await pass(600);
  await pass(600);
  expect(started.toSorted()).toEqual(["a", "a", "b"]);
  workflows = [];
  await pass(600);
  expect([existsSync(join(folder, "a")), existsSync(join(folder, "b"))]).toEqual([false, false]);
  expect(mounts.directoryOf("a")).toBeUndefined();
});

test("a mount that ends or cannot be made is made again, later each time", async () => {
  refusals = 1;
  workflows = [{ name: "a", group: 1 }];
  await mounts.start();
  await pass();
  expect(started).toEqual([]);
  await pass(1000);
  expect(started).toEqual(["a"]);
  ends.get(join(folder, "a"))?.("SIGKILL");
  await pass();
  await pass(1900);
  expect(started).toEqual(["a"]);
  await pass(200);
  expect(started).toEqual(["a", "a"]);
});

test("what an earlier node left is taken away first, and a stop ends all mounts and their folders", async () => {
  workflows = [{ name: "a", group: 1 }];
  await mounts.start();
  await pass();
  await mounts.stop();
  expect(existsSync(join(folder, "a"))).toBe(false);
  expect(cleared).toEqual([]);
  const { mkdirSync } = await import("node:fs");
  mkdirSync(join(folder, "old"));
  await mounts.start();
  expect(cleared).toEqual([join(folder, "old")]);
  rmSync(join(folder, "old"), { recursive: true });
});

test("of more workflows than may be mounted the first ones are", async () => {
  workflows = Array.from({ length: MOUNTED_VOLUMES_MAX + 3 }, (_, n) => {
    return { name: `w${n}`, group: n + 1 };
  });
  await mounts.start();
  // Folders are made on a disk, which takes as long as it takes.
  await vi.waitFor(() => expect(started.length).toBe(MOUNTED_VOLUMES_MAX), { timeout: 10_000 });
  await pass(50);
  expect(started.length).toBe(MOUNTED_VOLUMES_MAX);
  expect(started).not.toContain(`w${MOUNTED_VOLUMES_MAX}`);
});
