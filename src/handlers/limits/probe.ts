/**
 * Finds out what this machine can limit, by doing it: a small process goes over each limit, and the kernel
 * must have stopped it. What a version or a file promises is not asked.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Timers } from "../../std/clock.ts";
import {
  forksRefused,
  limitMemory,
  limitPids,
  oomKills,
  setQuota,
  throttles,
} from "./control-files.ts";
import { findHierarchies } from "./group-bases.ts";
import { probePrivileges } from "./privileges.ts";
import type { GroupController, LimitBase, LimitBases, Machine } from "./report.ts";
import { fileSizeWords } from "./rlimits.ts";
import { probeSandbox } from "./sandbox.ts";

/** Longest time of one try, milliseconds: an idle machine needs some tens, a busy one more. */
const TRY_MS_MAX = 10_000;

/** Time between two looks at whether a process was stopped, milliseconds. */
const LOOK_MS = 2;

/** Of the process that asks for more memory than its group may have, bytes. */
const GROUP_BYTES = 8 * 2 ** 20;
const ASKED_MIB = 32;

/** Of the file that is written beyond its limit, bytes. */
const FILE_BYTES = 1024;

let probesMade = 0;

/** Tries everything once, side by side. Never rejects: what cannot be tried does not work. */
export async function probeMachine(timers: Timers): Promise<Machine> {
  const [bases, limitsFiles, privileges, sandboxLacks] = await Promise.all([
    findBases(timers),
    worksForFiles(timers),
    probePrivileges(),
    probeSandbox(),
  ]);
  return { bases, limitsFiles, privileges, sandboxLacks };
}

async function findBases(timers: Timers): Promise<LimitBases> {
  const hierarchies = await findHierarchies();
  const find = async (controller: GroupController): Promise<LimitBase | undefined> => {
    for (const { version, controllers, directory } of hierarchies) {
      if (version === "cgroup-v1" && !controllers.includes(controller)) continue;
      const base = { version, directory };
      if (version === "cgroup-v2") await handDown(directory, controller);
      if (await works(controller, base, timers)) return base;
    }
    return undefined;
  };
  const [memory, cpu, pids] = await Promise.all([find("memory"), find("cpu"), find("pids")]);
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(pids === undefined ? {} : { pids }),
  };
}

/** In version 2 groups below have only what their parent hands down, which one with processes cannot. */
async function handDown(directory: string, controller: GroupController): Promise<void> {
  await writeFile(join(directory, "cgroup.subtree_control"), `+${controller}`).catch(
    () => undefined,
  );
}

/** What goes over each limit when it is let go, and whether the kernel has seen that. */
const TRIALS = {
  memory: {
    script: `exec dd if=/dev/zero of=/dev/null bs=${ASKED_MIB}M count=1`,
    limit: (group) => limitMemory(group, GROUP_BYTES),
    stopped: (group) => oomKills(group) > 0,
  },
  cpu: {
    script: "while :; do :; done",
    limit: (group) => setQuota(group, { period: 10_000, quota: 1000 }),
    stopped: (group) => throttles(group) > 0,
  },
  pids: {
    script: "/bin/true; exit 0",
    limit: (group) => limitPids(group, 1),
    stopped: (group) => forksRefused(group) > 0,
  },
} as const satisfies Record<
  GroupController,
  {
    readonly script: string;
    readonly limit: (group: LimitBase) => void;
    readonly stopped: (group: LimitBase) => boolean;
  }
>;

async function works(
  controller: GroupController,
  base: LimitBase,
  timers: Timers,
): Promise<boolean> {
  const trial = TRIALS[controller];
  const directory = join(base.directory, `jobx-probe-${process.pid}-${probesMade++}`);
  const group = { version: base.version, directory };
  let child: ChildProcess | undefined;
  try {
    await mkdir(directory);
    trial.limit(group);
    // It waits for its line in the group.
    child = spawn("/bin/sh", ["-c", `read -r go; ${trial.script}`], {
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: "/usr/bin:/bin" },
    });
    const ended = endOf(child);
    if (child.pid === undefined) return false;
    await writeFile(join(directory, "cgroup.procs"), String(child.pid));
    child.stdin?.on("error", () => undefined);
    child.stdin?.end("go\n");
    const seen = () => trial.stopped(group);
    const stopped = await waitFor(seen, { ended, timers });
    child.kill("SIGKILL");
    await ended;
    return stopped;
  } catch {
    return false;
  } finally {
    child?.kill("SIGKILL");
    await removeGroup(directory, timers);
  }
}

/** True as soon as it is seen, or right after the process has ended. */
async function waitFor(
  seen: () => boolean,
  { ended, timers }: { readonly ended: Promise<void>; readonly timers: Timers },
): Promise<boolean> {
  const over = ended.then(() => true);
  for (let waitedMs = 0; waitedMs < TRY_MS_MAX; waitedMs += LOOK_MS) {
    if (seen()) return true;
    if (await Promise.race([over, delay(timers, LOOK_MS).then(() => false)])) break;
  }
  return seen();
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
}

function delay(timers: Timers, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(delayMs, resolve);
  });
}

/** Busy while the kernel takes the last process apart. */
async function removeGroup(directory: string, timers: Timers): Promise<void> {
  for (let waitedMs = 0; waitedMs < TRY_MS_MAX / 10; waitedMs += LOOK_MS) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      await delay(timers, LOOK_MS);
    }
  }
}

async function worksForFiles(timers: Timers): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "jobx-probe-")).catch(() => undefined);
  if (folder === undefined) return false;
  try {
    const file = join(folder, "file");
    const [program = "", ...words] = fileSizeWords(FILE_BYTES);
    const write = ["dd", "if=/dev/zero", `of=${file}`, "bs=4096", "count=1"];
    const child = spawn(program, [...words, ...write], { stdio: "ignore" });
    const ended = endOf(child);
    await waitFor(() => false, { ended, timers });
    child.kill("SIGKILL");
    return (await stat(file)).size <= FILE_BYTES;
  } catch {
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}
