/** A mount whose nodes stand still: whoever waits for them can be killed, and nothing hangs for long (3.3). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mountedAt } from "../../src/mount/mount-info.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";

/** What waits for the volume in its own way, each in a folder of its own, whose lock the kernel may hold. */
const WAITING = [
  "os.stat(f'{d}/none')",
  "os.listdir(d)",
  "os.mkdir(f'{d}/m')",
  "open(f'{d}/f').read()",
  "f = open(f'{d}/n', 'w'); f.write('x'); f.close()",
  "os.truncate(f'{d}/f', 1)",
];

/** Has a file open that it wrote to: the kernel closes it, and waits for that, when the process ends. */
const WRITER =
  "f = open(f'{d}/w', 'w'); f.write('x'); f.flush(); print('open', flush=True); time.sleep(600)";

/** An interrupted caller is let go after 2 s, looked for twice a second; the rest is for a busy machine. */
const KILLED_MS_MAX = 10_000;

const refused = mountsRefused();
if (refused !== undefined) console.warn(`skipped: ${refused}`);

describe.skipIf(refused !== undefined)("a mount whose nodes stand still", () => {
  const cluster = useCluster(1);
  const at = (name: string): string => join(cluster.folder, name);

  beforeAll(async () => {
    await cluster.client(1).createWorkflow({ workflow: "text" });
    await cluster.scheduler("text", 1);
    for (const name of ["a", "staging"]) await mkdir(at(name));
    const how = ["--background", "--staging", at("staging"), "--log", at("a.log")];
    const words = ["fs", "mount", "text:/", at("a"), "--api", cluster.api(1), ...how];
    expect(await cluster.jobx(1, ...words)).toMatchObject({ code: 0, stderr: "" });
  });

  afterAll(async () => {
    await cluster.jobx(1, "fs", "unmount", at("a"), "--wait", "5");
    if (mountedAt(at("a")) !== undefined) throw new Error("still mounted");
  });

  /** A process in a folder of its own, which says `ready` and then does `what`. */
  async function python(folder: string, what: string): Promise<ChildProcess> {
    const lines = [
      "import os, sys, time",
      `d = ${JSON.stringify(join(at("a"), folder))}`,
      "os.makedirs(d, exist_ok=True); os.chdir(d); open(f'{d}/f', 'w').write('some'); os.stat(d)",
      "print('ready', flush=True); sys.stdin.readline()",
      what,
    ];
    const child = spawn("python3", ["-c", lines.join("\n")], { stdio: ["pipe", "pipe", "ignore"] });
    await once(child.stdout, "data");
    return child;
  }

  /** Lets it begin, and waits until it says `word`. */
  async function go(child: ChildProcess, word?: string): Promise<void> {
    const said = word === undefined || child.stdout === null ? [] : once(child.stdout, "data");
    child.stdin?.write("\n");
    await said;
  }

  /** How long it takes until the killed process is gone; milliseconds. */
  async function killed(child: ChildProcess): Promise<number> {
    const startMs = performance.now();
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    return Math.round(performance.now() - startMs);
  }

  /** Has the node stand still while `run` does something. */
  async function silent<Result>(run: () => Promise<Result>): Promise<Result> {
    // The kernel goes by nothing that it knows from before.
    await sleep(5_500);
    await cluster.script("pause", "1");
    try {
      return await run();
    } finally {
      await cluster.script("resume", "1");
    }
  }

  /** How long each of four took to be gone that made folders in one; undefined when none waited for another's lock. */
  async function lockedOut(folder: string): Promise<readonly number[] | undefined> {
    const children = await Promise.all(
      ["a", "b", "c", "d"].map((name) => python(folder, `os.mkdir(f'{d}/${name}')`)),
    );
    await cluster.script("pause", "1");
    try {
      for (const child of children) await go(child);
      await sleep(500);
      const states = children.map(({ pid }) => readFileSync(`/proc/${pid}/stat`, "utf8"));
      const all = await Promise.all(children.map(killed));
      return states.filter((stat) => stat.includes(" D ")).length === 3 ? all : undefined;
    } finally {
      await cluster.script("resume", "1");
    }
  }

  test("who waits for the lock of a folder, and hears no signal then, is gone when its holder was killed too", async () => {
    // Where the kernel does not know the folder's attributes, each waits for these, without a lock.
    let tries = 0;
    const all = await eventually("three wait for the lock of the fourth", 60_000, () => {
      tries += 1;
      return lockedOut(`shared${tries}`);
    });
    expect(all.filter((ms) => ms > KILLED_MS_MAX)).toEqual([]);
  }, 120_000);

  test("who waits for it is gone when killed, also who has a file open that it wrote to", async () => {
    const waiting = WAITING.map((what, place) => python(`d${place}`, what));
    const children = await Promise.all(waiting);
    const writer = await python("writer", WRITER);
    await go(writer, "open");
    const all = await silent(async () => {
      for (const child of children) await go(child);
      await sleep(1_000);
      expect(children.filter(({ exitCode }) => exitCode !== null)).toEqual([]);
      return Promise.all([...children, writer].map(killed));
    });
    const late = [...WAITING, WRITER].flatMap((what, place) => {
      const ms = all[place] ?? 0;
      return ms > KILLED_MS_MAX ? [`${what}: ${ms} ms`] : [];
    });
    expect(late).toEqual([]);
  }, 120_000);
});
