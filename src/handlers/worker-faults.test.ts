import { afterEach, describe, expect, test, vi } from "vitest";
import { ORPHAN } from "../../test/fixtures/handlers/orphan.ts";
import {
  failureOf,
  HandlerKit,
  handlerOf,
  machineClock,
  resultOf,
} from "../../test/lib/handler-kit.ts";
import { runs, until } from "../../test/lib/processes.ts";
import type { WorkError } from "../wire/dataset.ts";
import { TreeKeeper } from "./process-tree.ts";

vi.setConfig({ testTimeout: 60_000 });

const MIB = 2 ** 20;

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const open = async (pool: Parameters<typeof HandlerKit.open>[0]) => {
  kit = await HandlerKit.open(pool);
  return kit;
};

/**
 * Starts processes that get away, each in its own way, and prints their pids: orphaned in a session of
 * its own; there with another environment; a plain child.
 */
const FORKS = `${ORPHAN}import os, sys, time, signal, subprocess
def forks():
    clean = subprocess.Popen(["/usr/bin/setsid", "/bin/sleep", "1000"], env={}, stdout=subprocess.DEVNULL)
    plain = subprocess.Popen(["/bin/sleep", "1000"], stdout=subprocess.DEVNULL)
    print("pids", os.getpid(), orphan(), clean.pid, plain.pid, flush=True)
def map(args, ctx):
    forks()
    yield ctx.map_to("x")
`;

/** Each leaves one process, which its parent does not wait for, and prints the worker's pid and its own. */
const LEAVES = {
  "a child": `import os, subprocess
def map(args, ctx):
    yield ctx.map_to("x")
    child = subprocess.Popen(["/bin/sleep", "1000"], stdout=subprocess.DEVNULL)
    print("pids", os.getpid(), child.pid)
`,
  "a grandchild in a session of its own": `def map(args, ctx):
    yield ctx.map_to("x")
    print("pids", os.getpid(), orphan())
`,
  "a grandchild that has an empty environment": `import subprocess
def map(args, ctx):
    yield ctx.map_to("x")
    run = "/usr/bin/setsid /bin/sleep 1000 >/dev/null 3>&- 4>&- & echo $!"
    told = subprocess.run(["/bin/sh", "-c", run], env={}, stdout=subprocess.PIPE, check=True).stdout
    print("pids", os.getpid(), int(told))
`,
} as const;

const KILLED = { kind: "signal", signal: "SIGKILL" } as const;

const FAULTS = {
  hangs: ["    while True: time.sleep(1)", "HANDLER_TIMEOUT", KILLED],
  "writes garbage on the protocol": [
    "    os.write(4, b'garbage')\n    time.sleep(60)",
    "HANDLER_PROTOCOL",
    KILLED,
  ],
  exits: ["    os._exit(3)", "HANDLER_CRASHED", { kind: "code", code: 3 }],
  "is killed by a signal": [
    "    os.kill(os.getpid(), signal.SIGSEGV)",
    "HANDLER_CRASHED",
    { kind: "signal", signal: "SIGSEGV" },
  ],
  "fills its memory": [
    "    held = []\n    while True: held.append(bytearray(b'x' * 4000000))",
    "HANDLER_MEMORY_EXCEEDED",
    KILLED,
  ],
} as const;

const COPY = "def map(args, ctx):\n    yield ctx.map_to('x')\n    yield from args\n";

const mapper = (source: string) => handlerOf("python", "mapper", source, { argumentType: "list" });

describe.each(["cgroup-v2", "cgroup-v1", "process-group"] as const)("%s", (enforcer) => {
  const allowed = async () =>
    (await TreeKeeper.probe({ timers: machineClock, allowed: [enforcer] })).enforcer === enforcer;

  test.for(Object.entries(FAULTS))(
    "a handler that %s leaves none of its processes, and the next one is not harmed",
    async ([_fault, [body, code, exit]], context) => {
      if (!(await allowed())) return context.skip(`this machine does not allow ${enforcer}`);
      const own = await open({ pool: { enforcers: [enforcer], memoryBytes: 256 * MIB } });
      const timeoutMs = code === "HANDLER_TIMEOUT" ? 4000 : 30_000;
      const outcome = await own.map({ mapper: mapper(`${FORKS}${body}\n`) }, [], { timeoutMs });
      const error = outcome.kind === "failed" ? outcome.error : undefined;
      expect(error?.code).toBe(code);
      expect(outcome).toMatchObject({ exit });
      const pids =
        /pids (.*)/
          .exec(error?.stdout ?? "")?.[1]
          ?.split(" ")
          .map(Number) ?? [];
      expect(pids.length).toBe(4);
      expect(pids.filter(runs)).toEqual([]);
      expect((await own.map({ mapper: mapper(COPY) }, [[1, 2]])).kind).toBe("mapped");
    },
  );

  test.for(Object.entries(LEAVES))(
    "a handler that is done and leaves %s has failed, and it is gone",
    async ([_what, source], context) => {
      if (!(await allowed())) return context.skip(`this machine does not allow ${enforcer}`);
      const own = await open({ pool: { enforcers: [enforcer] } });
      const leaves = mapper(`${ORPHAN}${source}`);
      // In a worker of its own, and in one that has served another one.
      for (let round = 0; round < 2; round++) {
        const outcome = await own.map({ mapper: leaves }, []);
        expect(outcome).toMatchObject({ kind: "failed", exit: KILLED });
        const error = failureOf(outcome);
        expect(error?.code).toBe("HANDLER_LEFT_PROCESSES");
        const [worker = 0, left = 0] =
          /pids (.*)/
            .exec(error?.stdout ?? "")?.[1]
            ?.split(" ")
            .map(Number) ?? [];
        expect(error?.message).toMatch(
          new RegExp(`^the handler left a process: \\S+ \\(${left}\\); `),
        );
        expect([worker, left].filter(runs)).toEqual([]);
        expect((await own.map({ mapper: mapper(COPY) }, [[1, 2]])).kind).toBe("mapped");
      }
    },
  );

  test("many that a handler leaves are counted, and gone", async (context) => {
    if (!(await allowed())) return context.skip(`this machine does not allow ${enforcer}`);
    const own = await open({ pool: { enforcers: [enforcer] } });
    const error = failureOf(await own.map({ mapper: mapper(FORKS) }, []));
    const pids =
      /pids (.*)/
        .exec(error?.stdout ?? "")?.[1]
        ?.split(" ")
        .map(Number) ?? [];
    expect(pids.length).toBe(4);
    expect(pids.filter(runs)).toEqual([]);
    expect(error?.message).toContain("the handler left 3 processes: ");
  });

  test("a process that is ending by itself is not left, nor are those of Python's library", async (context) => {
    if (!(await allowed())) return context.skip(`this machine does not allow ${enforcer}`);
    const own = await open({ pool: { enforcers: [enforcer] } });
    const source = `import multiprocessing, os, subprocess
from multiprocessing.shared_memory import SharedMemory
def map(args, ctx):
    yield ctx.map_to("x")
    shared = SharedMemory(create=True, size=8)
    shared.close()
    shared.unlink()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        yield os.getpid(), sum(pool.map(abs, [-1, 2]))
    ends = subprocess.Popen(["/bin/true"], stdout=subprocess.PIPE)
    ends.stdout.read()
`;
    const pids = [];
    for (let round = 0; round < 2; round++) {
      const pairs = await resultOf(own, await own.map({ mapper: mapper(source) }, []));
      expect(pairs).toEqual([[expect.any(Number), 3]]);
      pids.push(...own.pool.pids);
    }
    // The same worker has served both.
    expect(new Set(pids).size).toBe(1);
  });
});

test("a reducer that leaves a process fails the attempt, in JavaScript too", async () => {
  const own = await open({});
  const source = `import { spawn } from "node:child_process";
export function* reduce(groups) {
  for (const [key, values] of groups) yield [key, values.length];
  spawn("/bin/sleep", ["1000"], { detached: true, stdio: "ignore", env: {}, cwd: "/" }).unref();
}`;
  const returns = mapper("def map(args):\n    yield MrConfigureToReturn()\n    yield 1, 2\n");
  const reducer = handlerOf("javascript", "reducer", source, { argumentType: "list" });
  const error = failureOf(await own.map({ mapper: returns, reducer }, []));
  expect(error?.code).toBe("HANDLER_LEFT_PROCESSES");
  expect(error?.message).toContain("sleep");
});

test("what one handler left to come later is not told of another one", async () => {
  const own = await open({});
  const source = `import { spawn } from "node:child_process";
export async function* map([[_, what]], ctx) {
  yield ctx.mapTo("x");
  if (what === "later") globalThis.later = () => spawn("/bin/sleep", ["1000"], { stdio: "ignore" }).unref();
  else globalThis.later?.();
  yield [process.pid, what];
}`;
  const of = { mapper: handlerOf("javascript", "mapper", source, { argumentType: "list" }) };
  expect((await own.map(of, [[0, "later"]])).kind).toBe("mapped");
  const [first] = own.pool.pids;
  expect((await own.map(of, [[0, "innocent"]])).kind).toBe("mapped");
  expect(own.pool.pids).not.toContain(first);
});

describe.each(["javascript", "python"] as const)("a %s handler", (language) => {
  const of = (sources: { javascript: string; python: string }, memoryBytes?: number) => ({
    mapper: handlerOf(language, "mapper", sources[language], {
      argumentType: "list",
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
    }),
  });
  const HOLDS = {
    javascript: `export async function* map([[_, mib]], ctx) {
  yield ctx.mapTo("x");
  const held = [];
  for (let n = 0; n < mib; n++) held.push(Buffer.alloc(${MIB}, 1));
  await new Promise((resolve) => setTimeout(resolve, 300));
  yield ["held", held.length];
}`,
    python: `import time
def map(args, ctx):
    yield ctx.map_to("x")
    held = [bytearray(b"x" * ${MIB}) for _ in range(args[0][1])]
    time.sleep(0.3)
    yield "held", len(held)
`,
  };
  const failure = async (
    own: HandlerKit,
    memory: number | undefined,
  ): Promise<WorkError | undefined> => {
    const outcome = await own.map(of(HOLDS, memory), [["mib", 400]]);
    return outcome.kind === "failed" ? outcome.error : undefined;
  };

  test("that uses more than its node allows fails, and is told what it used", async () => {
    const error = await failure(await open({ pool: { memoryBytes: 300 * MIB } }), undefined);
    expect(error?.code).toBe("HANDLER_MEMORY_EXCEEDED");
    expect(error?.message).toMatch(/used \d+ MiB of 300 MiB .*`memory`/);
  });

  test("that asks for more than its node allows to others gets it", async () => {
    const own = await open({ pool: { memoryBytes: 300 * MIB } });
    expect(await failure(own, 1024 * MIB)).toBeUndefined();
  });

  test("that asks for less is held to it, whatever the others in its attempt may use", async () => {
    const own = await open({ pool: { memoryBytes: 1024 * MIB } });
    const reducer = handlerOf("javascript", "reducer", "export function* reduce() {}");
    const outcome = await own.map({ ...of(HOLDS, 200 * MIB), reducer }, [["mib", 400]]);
    expect(outcome.kind === "failed" && outcome.error.message).toContain("of 200 MiB");
  });

  test("that ends within its limit is followed by one with another limit", async () => {
    const own = await open({ pool: { memoryBytes: 150 * MIB } });
    const returns = {
      javascript: "export function* map(_, ctx) { yield ctx.toReturn(); yield [1, 2]; }",
      python: "def map(args, ctx):\n    yield ctx.to_return()\n    yield 1, 2\n",
    };
    const sums = {
      javascript: `export function* reduce(all) {
  const held = Buffer.alloc(${250 * MIB}, 1);
  for (const [key, values] of all) yield [key, values.length + held[0]];
}`,
      python: `def reduce(all):
    held = bytearray(b"x") * ${250 * MIB}
    for key, values in all: yield key, len(values) + held[0] - 119
`,
    };
    const reducer = handlerOf(language, "reducer", sums[language], {
      argumentType: "list",
      memoryBytes: 400 * MIB,
    });
    const outcome = await own.map({ ...of(returns), reducer }, []);
    expect(outcome).toMatchObject({ kind: "reduced" });
    const [parts = []] = outcome.kind === "reduced" ? outcome.parts : [];
    expect(await own.pairsOf(parts)).toEqual([[1, 2]]);
  });

  test("that left its worker with much memory is followed by another worker", async () => {
    const grows = {
      javascript: `const held = [];
export function* map([[_, mib]], ctx) {
  yield ctx.mapTo("x");
  for (let n = 0; n < mib; n++) held.push(Buffer.alloc(${MIB}, 1));
  yield [process.pid, 0];
}`,
      python: `import os
held = []
def map(args, ctx):
    yield ctx.map_to("x")
    held.extend(bytearray(b"x" * ${MIB}) for _ in range(args[0][1]))
    yield os.getpid(), 0
`,
    };
    const own = await open({ pool: { memoryBytes: 400 * MIB } });
    const pid = async () => {
      const outcome = await own.map(of(grows), [["mib", 250]]);
      expect(outcome.kind).toBe("mapped");
      return outcome.kind === "mapped" ? (await own.pairsOf(outcome.children))[0]?.[0] : undefined;
    };
    const first = await pid();
    await until(() => !own.pool.pids.some((one) => one === first));
    expect(await pid()).not.toBe(first);
  });
});

test("a heap that is full is told as the limit that it is", async () => {
  const own = await open({ pool: { memoryBytes: 300 * MIB } });
  const source = `export function* map(_, ctx) {
  yield ctx.mapTo("x");
  const held = [];
  for (;;) held.push({ text: "x" + held.length });
}`;
  const outcome = await own.map({ mapper: handlerOf("javascript", "mapper", source) }, []);
  expect(outcome.kind === "failed" && outcome.error.code).toBe("HANDLER_MEMORY_EXCEEDED");
});

test("forks that share their memory are not counted each for all of it", async () => {
  const own = await open({ pool: { memoryBytes: 400 * MIB } });
  const source = `import os, time
def map(args, ctx):
    held = bytearray(b"x") * ${200 * MIB}
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            time.sleep(0.5)
            os._exit(held[5] - 120)
        children.append(pid)
    codes = [os.waitpid(pid, 0)[1] for pid in children]
    yield ctx.map_to("x")
    yield "codes", codes
`;
  const outcome = await own.map({ mapper: mapper(source) }, []);
  expect(outcome.kind === "mapped" && (await own.pairsOf(outcome.children))).toEqual([
    ["codes", [0, 0, 0, 0]],
  ]);
});
