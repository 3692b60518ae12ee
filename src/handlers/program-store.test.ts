import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bundleOf } from "../../test/lib/bundle-kit.ts";
import { machineClock } from "../../test/lib/handler-kit.ts";
import { PLAIN_RUNTIME } from "../../test/lib/limits-kit.ts";
import { WorkerPool } from "./pool.ts";
import { ProgramStore } from "./program-store.ts";
import type { WorkerNeed } from "./worker-key.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "jobx-programs-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const needOf = (main: string): WorkerNeed => ({
  ...{ language: "executable", name: "told", version: "ab", memoryBytes: undefined },
  runtime: { ...PLAIN_RUNTIME, main },
});
const BUNDLE = bundleOf({ "there.sh": "#!/bin/sh\n" });

test("a placement that fails half way leaves nothing, and the next one works", async () => {
  const store = new ProgramStore(directory);
  const failing = store.take(needOf("missing.sh"), () => Promise.resolve(BUNDLE));
  await expect(failing).rejects.toMatchObject({ code: "HANDLER_WORKER_UNAVAILABLE" });
  expect(await readdir(directory)).toEqual([]);
  const program = await store.take(needOf("there.sh"), () => Promise.resolve(BUNDLE));
  expect(existsSync(program.main)).toBe(true);
});

test("a pool places programs when what an earlier node has left is gone", async () => {
  const left = join(directory, "workers", "worker-0", "tmp");
  await mkdir(left, { recursive: true });
  await writeFile(join(left, "left"), "x");
  const pool = new WorkerPool({
    ...{ directory: join(directory, "workers"), workersMax: 1 },
    ...{ clock: machineClock, timers: machineClock },
  });
  const seen: boolean[] = [];
  const source = (): Promise<string> => {
    seen.push(existsSync(join(left, "left")));
    return Promise.resolve(BUNDLE);
  };
  const use = { user: "checks" } as const;
  const worker = await pool.acquire(needOf("there.sh"), use, source);
  expect(seen).toEqual([false]);
  pool.release(worker);
  await pool.close();
});
