import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ClassicLevel } from "classic-level";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ORPHAN } from "../../test/fixtures/handlers/orphan.ts";
import {
  HandlerKit,
  handlerOf,
  machineClock,
  resultOf,
  type TestHandler,
} from "../../test/lib/handler-kit.ts";
import { PLAIN_RUNTIME } from "../../test/lib/limits-kit.ts";
import { runs, until } from "../../test/lib/processes.ts";
import { PLAIN_MACHINE } from "./limits/report.ts";
import { type TreeEnforcer, TreeKeeper } from "./process-tree.ts";
import { WorkerProcess } from "./worker-process.ts";

vi.setConfig({ testTimeout: 60_000 });

const kits: HandlerKit[] = [];
const open = async (options?: Parameters<typeof HandlerKit.open>[0]) => {
  const kit = await HandlerKit.open(options);
  kits.push(kit);
  return kit;
};
afterEach(async () => {
  for (const kit of kits.splice(0)) await kit.close();
});

/** More time on a processor than a worker needs to start, in hundredths of a second. */
const STUCK_TICKS = 100;

function cpuTicks(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[11]);
}

const MAPPER = { language: "python", type: "mapper" } as const;
const mapper = (source: string): TestHandler =>
  handlerOf(MAPPER.language, MAPPER.type, source, { argumentType: "list" });

/** Lets a process get away, tells its pid, and goes on for ever. */
const ESCAPES = `${ORPHAN}def map(args, ctx):
    print("pid", orphan())
    while True: time.sleep(1)
`;

describe.each(["cgroup-v2", "cgroup-v1", "process-group"] as const)("%s", (enforcer) => {
  test("an orphaned grandchild that called setsid dies with the worker", async (context) => {
    const trees = await TreeKeeper.probe({ timers: machineClock, allowed: [enforcer] });
    if (trees.enforcer !== enforcer) {
      return context.skip(`this machine does not allow ${enforcer}`);
    }
    const kit = await open();
    const worker = await startWorker(kit, trees);
    const calling = worker.call({
      start: {
        handler: { name: "a", version: "1", type: "mapper", argumentType: "list" },
        source: ESCAPES,
        directory: null,
        logs: "printed",
        session: [],
        names: { request: "r", invocation: "i", step: "s" },
      },
      input: (async function* () {})(),
      onBatch: () => Promise.resolve(),
      onMessage: () => undefined,
    });
    await until(() => /pid \d+\n/.test(worker.stdout.text()));
    const grandchild = Number(/pid (\d+)/.exec(worker.stdout.text())?.[1]);
    const pid = worker.pid ?? 0;
    expect([runs(grandchild), runs(pid)]).toEqual([true, true]);
    await worker.kill();
    expect([runs(grandchild), runs(pid)]).toEqual([false, false]);
    expect((await calling).kind).toBe("killed");
    expect(existsSync(worker.directory)).toBe(false);
  });
});

function startWorker(
  kit: HandlerKit,
  trees: TreeKeeper,
  environment: Readonly<Record<string, string>> = {},
): Promise<WorkerProcess> {
  const directory = join(kit.directory, "single");
  const memoryBytes = undefined;
  const runtime = { ...PLAIN_RUNTIME, environment };
  const need = { language: MAPPER.language, name: "", version: "", memoryBytes, runtime };
  const ground = { trees, machine: PLAIN_MACHINE, timers: machineClock, hidden: [] };
  const options = { need, directory, timers: machineClock, ground, memoryBytes };
  return WorkerProcess.start({ ...options, mark: `test-${process.pid}-${trees.enforcer}` });
}

test("what a handler asks for in its environment is not heeded by what makes its cage", async () => {
  const kit = await open();
  const trees = await TreeKeeper.probe({ timers: machineClock });
  const worker = await startWorker(kit, trees, { LD_PRELOAD: "/no/such.so" });
  await worker.settleOutput();
  // The loader of each program complains of it.
  expect(worker.stderr.text().match(/no\/such\.so/g)).toHaveLength(1);
  await worker.kill();
});

test("a worker that cannot be caged leaves no directory", async () => {
  const kit = await open();
  const trees = await TreeKeeper.probe({ timers: machineClock });
  const directory = join(kit.directory, "uncaged");
  const runtime = { ...PLAIN_RUNTIME, sandbox: "strict" } as const;
  const need = {
    language: "python",
    name: "",
    version: "",
    memoryBytes: undefined,
    runtime,
  } as const;
  const machine = { ...PLAIN_MACHINE, sandboxLacks: "there is none" };
  const ground = { trees, machine, timers: machineClock, hidden: [] };
  const options = { need, directory, timers: machineClock, ground, memoryBytes: undefined };
  const starting = WorkerProcess.start({ ...options, mark: `test-${process.pid}-uncaged` });
  await expect(starting).rejects.toMatchObject({ code: "HANDLER_SANDBOX_UNAVAILABLE" });
  expect(existsSync(directory)).toBe(false);
});

describe("TreeKeeper", () => {
  test("falls back to the process group where nothing else is allowed", async () => {
    const allowed: readonly TreeEnforcer[] = [];
    const trees = await TreeKeeper.probe({ timers: machineClock, allowed });
    expect(trees.enforcer).toBe("process-group");
  });
});

describe.each(["javascript", "python"] as const)("a %s worker", (language) => {
  test.each(["idle", "busy", "stuck"] as const)(
    "that is %s ends when its node is killed",
    async (state) => {
      const busy = {
        javascript: "export function* map() { console.log(1); for (;;); }",
        python: "def map(a):\n  print(1)\n  while True: pass\n",
      };
      const idle = {
        javascript: "export function* map(a, c) { yield c.mapTo('x') }",
        python: "def map(a, c):\n  yield c.map_to('x')\n",
      };
      // No other thread of Python runs while this lasts.
      const stuck = {
        javascript:
          "export function* map() { console.log(1); /(a+)+$/.test('a'.repeat(60) + 'b'); }",
        python: "import re\ndef map(a):\n  print(1)\n  re.match('(a+)+$', 'a' * 60 + 'b')\n",
      };
      const source = { busy, idle, stuck }[state][language];
      const kitFile = fileURLToPath(new URL("../../test/lib/handler-kit.ts", import.meta.url));
      const program = `
      import { HandlerKit, handlerOf } from ${JSON.stringify(kitFile)};
      const kit = await HandlerKit.open();
      console.log("directory", kit.directory);
      const mapper = handlerOf(${JSON.stringify(language)}, "mapper", ${JSON.stringify(source)});
      const context = { onOutput: () => console.log("busy") };
      void kit.map({ mapper }, [], { context }).then(() => console.log("idle"));
      const worker = await new Promise((resolve) => {
        const look = () => kit.pool.pids.length > 0 ? resolve(kit.pool.pids[0]) : setTimeout(look, 10);
        look();
      });
      console.log("worker", worker);
      setInterval(() => {}, 1000);`;
      const args = ["--input-type=module", "--disable-warning=ExperimentalWarning", "-e", program];
      const node = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      let printed = "";
      node.stdout.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
      });
      await until(() => /worker \d+\n/.test(printed) && /^(?:busy|idle)$/m.test(printed));
      const worker = Number(/worker (\d+)/.exec(printed)?.[1]);
      // It has printed before it gets stuck.
      if (state === "stuck") await until(() => cpuTicks(worker) > STUCK_TICKS);
      expect(runs(worker)).toBe(true);
      node.kill("SIGKILL");
      await once(node, "exit");
      await until(() => !runs(worker));
      const directory = /directory (.*)\n/.exec(printed)?.[1] ?? "";
      await rm(directory, { recursive: true, force: true });
    },
  );
});

describe("WorkerPool", () => {
  const copy = mapper("def map(args, ctx):\n    yield ctx.map_to('x')\n    yield from args\n");
  const pidOf = mapper(
    "import os\ndef map(args, ctx):\n    yield ctx.map_to('x')\n    yield 'pid', os.getpid()\n",
  );
  const pid = async (kit: HandlerKit) => {
    const outcome = await kit.map({ mapper: pidOf }, []);
    const pairs = outcome.kind === "mapped" ? await kit.pairsOf(outcome.children) : [];
    return Number(pairs[0]?.[1]);
  };

  test("a worker ends after so many calls", async () => {
    const kit = await open({ pool: { callsMax: 2 } });
    const pids = [await pid(kit), await pid(kit), await pid(kit)];
    expect(pids[1]).toBe(pids[0]);
    expect(pids[2]).not.toBe(pids[0]);
    await until(() => !runs(pids[0] ?? 0));
  });

  test("an idle worker ends after its time", async () => {
    const kit = await open({ pool: { idleMs: 50 } });
    const first = await pid(kit);
    await until(() => kit.pool.workers === 0);
    expect(runs(first)).toBe(false);
  });

  test("an idle worker of another language gives way when the pool is full", async () => {
    const kit = await open({ slots: 1 });
    const other = handlerOf(
      "javascript",
      "mapper",
      "export function* map(a, c) { yield c.mapTo('x') }",
    );
    const need = { language: "python", name: "", version: "", memoryBytes: undefined } as const;
    const use = { user: 1 };
    const places = Array.from({ length: kit.pool.workersMax });
    const all = await Promise.all(places.map(() => kit.pool.acquire(need, use)));
    for (const worker of all) kit.pool.release(worker);
    expect(kit.pool.workers).toBe(kit.pool.workersMax);
    expect((await kit.map({ mapper: other }, [])).kind).toBe("mapped");
    expect(kit.pool.workers).toBe(kit.pool.workersMax);
    expect(all.filter(({ alive }) => !alive).length).toBe(1);
  });

  test("a worker that died while idle harms nobody", async () => {
    const kit = await open();
    const first = await pid(kit);
    process.kill(first, "SIGKILL");
    await until(() => !runs(first));
    // The pool hears of it in a later turn of the loop.
    await until(() => kit.pool.pids.length === 0);
    expect((await kit.map({ mapper: copy }, [])).kind).toBe("mapped");
  });

  test("closing kills what runs, and refuses what comes after", async () => {
    const kit = await open();
    const running = kit.map({ mapper: mapper("def map(a):\n    while True: pass\n") }, []);
    await until(() => kit.pool.pids.length > 0);
    await kit.pool.close();
    expect((await running).kind).not.toBe("mapped");
    expect(await kit.map({ mapper: copy }, [])).toMatchObject({ kind: "released" });
  });
});

test.each([
  [
    "javascript",
    `import { readdirSync, readlinkSync } from "node:fs";
export function* map(args, ctx) {
  yield ctx.mapTo("x");
  for (const fd of readdirSync("/proc/self/fd")) {
    try { yield [Number(fd), readlinkSync("/proc/self/fd/" + fd)]; } catch {}
  }
}`,
  ],
  [
    "python",
    `import os
def map(args, ctx):
    yield ctx.map_to("x")
    for fd in os.listdir("/proc/self/fd"):
        try:
            yield int(fd), os.readlink("/proc/self/fd/" + fd)
        except OSError:
            pass
`,
  ],
] as const)("a worker has none of the node's open files: %s", async (language, source) => {
  const kit = await open();
  const folder = await mkdtemp(join(tmpdir(), "jobx-secret-"));
  const database = new ClassicLevel(join(folder, "database"));
  await database.open();
  const file = openSync(join(folder, "key"), "w");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const handler = handlerOf(language, "mapper", source, { argumentType: "list" });
    const pairs = await resultOf(kit, await kit.map({ mapper: handler }, []));
    const links = (Array.isArray(pairs) ? pairs : []).map((pair: readonly unknown[]) =>
      String(pair[1]),
    );
    const ours = readdirSync("/proc/self/fd").map((fd) => linkOf(`/proc/self/fd/${fd}`));
    expect(ours.filter((link) => link.startsWith(folder)).length).toBeGreaterThan(2);
    expect(links.length).toBeGreaterThanOrEqual(5);
    expect(links.filter((link) => link.startsWith(folder))).toEqual([]);
    const sockets = ours.filter((link) => link.startsWith("socket:"));
    expect(sockets.length).toBeGreaterThan(0);
    expect(links.filter((link) => sockets.includes(link))).toEqual([]);
  } finally {
    server.close();
    closeSync(file);
    await database.close();
    await rm(folder, { recursive: true });
  }
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // Closed meanwhile.
  }
}
