import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { failureOf, HandlerKit, handlerOf } from "../../../test/lib/handler-kit.ts";
import {
  compile,
  PLAIN_RUNTIME,
  pythonMapper,
  scriptMapper,
  thisMachine,
} from "../../../test/lib/limits-kit.ts";
import type { Outcome } from "../../wire/dataset.ts";
import { PLAIN_MACHINE, reportOf } from "./report.ts";

vi.setConfig({ testTimeout: 60_000 });

const MIB = 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), "jobx-limits-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const machine = await thisMachine();
const hasMemory = machine.bases.memory !== undefined;
const hasCpu = machine.bases.cpu !== undefined;
const hasPids = machine.bases.pids !== undefined;

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

async function open(
  pool: { readonly memoryBytes?: number; readonly machine?: typeof machine } = {},
) {
  kit = await HandlerKit.open({ pool: { machine, ...pool } });
  return kit;
}

const wellOf = (outcome: Outcome) =>
  outcome.kind === "mapped" ? outcome.printed?.stdout : outcome;

const FORKS = "while True:\n    if os.fork() == 0: time.sleep(1000)";

describe("processes", () => {
  test.runIf(hasPids)("a fork bomb is refused them, and fails by that", async () => {
    const own = await open();
    const outcome = await own.map({ mapper: pythonMapper(FORKS, { pids: 20 }) }, []);
    const error = failureOf(outcome);
    expect(error?.code).toBe("HANDLER_PROCESSES_EXCEEDED");
    expect(error?.message).toContain("more than the 20 processes and threads");
    // The next one is not harmed.
    expect((await own.map({ mapper: pythonMapper("pass", { pids: 20 }) }, [])).kind).toBe("mapped");
  });

  const THREADS =
    "while True: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()";

  test.runIf(hasPids)("threads count as processes do", async () => {
    const own = await open();
    const outcome = await own.map({ mapper: pythonMapper(THREADS, { pids: 20 }) }, []);
    expect(failureOf(outcome)?.code).toBe("HANDLER_PROCESSES_EXCEEDED");
  });

  test.runIf(hasPids)("a handler that says nothing of them is bounded as well", async () => {
    const own = await open();
    const outcome = await own.map({ mapper: pythonMapper(THREADS) }, []);
    expect(failureOf(outcome)?.message).toContain("more than the 1024 processes and threads");
  });

  test.runIf(hasPids)(
    "a handler that lives with a process less is not told of it by a later failure",
    async () => {
      const own = await open();
      const lines = `${FORKS.replace("while True:", "try:\n  while True:").replace("    if", "     if")}
except OSError: pass
for child in [int(p) for p in open(f'/proc/{os.getpid()}/task/{os.getpid()}/children').read().split()]:
    os.kill(child, 9); os.waitpid(child, 0)`;
      expect((await own.map({ mapper: pythonMapper(lines, { pids: 20 }) }, [])).kind).toBe(
        "mapped",
      );
      const fails = pythonMapper("raise ValueError('no')", { pids: 20 });
      expect(failureOf(await own.map({ mapper: fails }, []))?.code).toBe("HANDLER_FAILED");
    },
  );

  test("where no control group counts them, they are counted now and then", async () => {
    const own = await open({ machine: PLAIN_MACHINE });
    const lines = "for n in range(50):\n    if os.fork() == 0: time.sleep(1000)\ntime.sleep(60)";
    const outcome = await own.map({ mapper: pythonMapper(lines, { pids: 20 }) }, []);
    expect(failureOf(outcome)?.code).toBe("HANDLER_PROCESSES_EXCEEDED");
  });
});

describe("memory", () => {
  test.runIf(hasMemory)("that a handler fills is ended by the kernel", async () => {
    const own = await open();
    const lines = "held = b'x' * (1024 << 20)";
    const outcome = await own.map({ mapper: pythonMapper(lines, { memoryBytes: 128 * MIB }) }, []);
    const error = failureOf(outcome);
    expect(error?.code).toBe("HANDLER_MEMORY_EXCEEDED");
    expect(error?.message).toMatch(
      /of 128 MiB that it may, and was ended by the kernel \(cgroup-v[12]\)/,
    );
    expect(outcome).toMatchObject({ exit: { kind: "signal", signal: "SIGKILL" } });
  });

  test.runIf(hasMemory)(
    "that a program of C fills fails the handler that waits for it",
    async (context) => {
      const program = join(folder, "hog");
      const source = `#include <stdlib.h>
#include <string.h>
int main(void) { for (;;) { char *p = malloc(1 << 20); if (p) memset(p, 1, 1 << 20); } }`;
      if (!compile(source, program)) return context.skip("there is no compiler of C");
      const own = await open();
      const lines = `subprocess.run(['${program}'], check=True)`;
      const outcome = await own.map(
        { mapper: pythonMapper(lines, { memoryBytes: 128 * MIB }) },
        [],
      );
      expect(failureOf(outcome)?.code).toBe("HANDLER_MEMORY_EXCEEDED");
    },
  );

  test.runIf(hasMemory)(
    "that a child of a call filled which lived with that is not told by a later failure",
    async () => {
      const own = await open();
      const lines =
        "subprocess.run([sys.executable, '-c', 'x = bytes([1]) * (1 << 30)'])\nprint(os.getpid())";
      const lives = pythonMapper(lines, { memoryBytes: 128 * MIB });
      expect((await own.map({ mapper: lives }, [])).kind).toBe("mapped");
      const fails = pythonMapper("raise ValueError('no')", { memoryBytes: 128 * MIB });
      expect(failureOf(await own.map({ mapper: fails }, []))?.code).toBe("HANDLER_FAILED");
    },
  );

  test.runIf(hasMemory)("is limited anew for each handler that a worker serves", async () => {
    const own = await open();
    const lines = "held = b'x' * (200 << 20)\nprint(os.getpid())";
    const large = pythonMapper(lines, { memoryBytes: 512 * MIB });
    const small = pythonMapper(lines, { memoryBytes: 128 * MIB });
    const first = await own.map({ mapper: large }, []);
    expect(first.kind).toBe("mapped");
    expect(failureOf(await own.map({ mapper: small }, []))?.code).toBe("HANDLER_MEMORY_EXCEEDED");
    expect((await own.map({ mapper: large }, [])).kind).toBe("mapped");
  });
});

test.runIf(hasMemory)(
  "a handler gets another worker than the one that keeps more than it may use",
  async () => {
    const own = await open();
    const keeps = "import builtins\nbuiltins.kept = b'x' * (200 << 20)";
    const large = pythonMapper(keeps, { memoryBytes: 512 * MIB });
    expect((await own.map({ mapper: large }, [])).kind).toBe("mapped");
    const asks = "import builtins\nif hasattr(builtins, 'kept'): raise ValueError('the same one')";
    const small = pythonMapper(asks, { memoryBytes: 128 * MIB });
    expect((await own.map({ mapper: small }, [])).kind).toBe("mapped");
  },
);

test.runIf(hasCpu)(
  "a handler is kept to its part of a processor, with all its processes",
  async () => {
    const own = await open();
    const lines = `end = time.monotonic() + 1
if os.fork() == 0:
    while time.monotonic() < end: pass
    os._exit(0)
while time.monotonic() < end: pass
os.wait()
used = os.times()
print(used.user + used.system + used.children_user + used.children_system)`;
    const outcome = await own.map({ mapper: pythonMapper(lines, { cpuMillis: 200 }) }, []);
    expect(Number(wellOf(outcome))).toBeLessThan(0.6);
  },
);

describe.runIf(machine.limitsFiles)("a file beyond `disk`", () => {
  const write = "open('f', 'wb').write(b'x' * 3000000)";

  test("fails a handler in Python", async () => {
    const own = await open();
    const error = failureOf(await own.map({ mapper: pythonMapper(write, { diskBytes: 1e6 }) }, []));
    expect(error?.code).toBe("HANDLER_DISK_EXCEEDED");
    expect((await own.map({ mapper: pythonMapper(write, { diskBytes: 4e6 }) }, [])).kind).toBe(
      "mapped",
    );
  });

  test.each([
    "exec dd if=/dev/zero of=f bs=1M count=3",
    "dd if=/dev/zero of=f bs=1M count=3; exit 1",
  ])("fails a program in line mode: %s", async (line) => {
    const own = await open();
    const runtime = { ...PLAIN_RUNTIME, diskBytes: 1e6 };
    const mapper = handlerOf("executable", "mapper", `#!/bin/sh\n${line}\n`, { runtime });
    expect(failureOf(await own.map({ mapper }, []))?.code).toBe("HANDLER_DISK_EXCEEDED");
  });

  test("fails a handler in JavaScript", async () => {
    const own = await open();
    const mapper = scriptMapper("writeFileSync('f', Buffer.alloc(3000000));", { diskBytes: 1e6 });
    expect(failureOf(await own.map({ mapper }, []))?.code).toBe("HANDLER_DISK_EXCEEDED");
  });
});

describe("silence", () => {
  test("for longer than it may fails a handler, also one that is just slow to end", async () => {
    const own = await open();
    const outcome = await own.map(
      { mapper: pythonMapper("time.sleep(60)", { silenceMs: 500 }) },
      [],
    );
    expect(failureOf(outcome)).toMatchObject({
      code: "HANDLER_SILENT",
      message: "no sign of it for 500 ms",
    });
    expect(outcome).toMatchObject({ exit: { kind: "signal", signal: "SIGKILL" } });
  });

  const pause = "const pause = new Int32Array(new SharedArrayBuffer(4));";
  test.each([
    ["sleeps", "function*", `${pause} Atomics.wait(pause, 0, 0, 300);`],
    ["waits", "async function*", "await new Promise((go) => setTimeout(go, 300));"],
  ])("is broken by what a handler in JavaScript yields that %s", async (_, word, wait) => {
    const own = await open();
    const source = `export ${word} map(args, ctx) {
      yield ctx.mapTo("x");
      for (let n = 0; n < 12; n++) { ${wait} yield [n, n]; }
    }`;
    const runtime = { ...PLAIN_RUNTIME, silenceMs: 2200 };
    const mapper = handlerOf("javascript", "mapper", source, { argumentType: "list", runtime });
    expect((await own.map({ mapper }, [])).kind).toBe("mapped");
  });

  test("is broken by lines of an executable", async () => {
    const own = await open();
    const source = '#!/bin/sh\nfor n in 1 2 3 4 5; do sleep 0.5; echo "$n\t1"; done\n';
    const runtime = { ...PLAIN_RUNTIME, silenceMs: 1500 };
    const mapper = handlerOf("executable", "mapper", source, { runtime });
    expect((await own.map({ mapper }, [])).kind).toBe("combined");
  });

  test("is broken by prints, and by output", async () => {
    const own = await open();
    const prints = "for n in range(10):\n    time.sleep(0.2)\n    print(n, flush=True)";
    const mapper = pythonMapper(prints, { silenceMs: 1500 });
    expect((await own.map({ mapper }, [])).kind).toBe("mapped");
  });
});

describe("the end of a worker", () => {
  test("by a signal from outside is told from a crash", async () => {
    const own = await open();
    const killed = pythonMapper("os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(60)");
    expect(failureOf(await own.map({ mapper: killed }, []))?.code).toBe("HANDLER_KILLED");
    const crashed = pythonMapper("os.kill(os.getpid(), signal.SIGSEGV)\ntime.sleep(60)");
    expect(failureOf(await own.map({ mapper: crashed }, []))?.code).toBe("HANDLER_CRASHED");
    const left = pythonMapper("os._exit(3)");
    expect(failureOf(await own.map({ mapper: left }, []))?.code).toBe("HANDLER_CRASHED");
  });
});

test.runIf(machine.privileges === "dropped")(
  "a handler has no capabilities, and gets none by programs",
  async () => {
    const own = await open();
    const lines = "print(open('/proc/self/status').read())";
    const status = wellOf(await own.map({ mapper: pythonMapper(lines) }, []));
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
  },
);

test("a machine that cannot enforce limits gives back what must have them enforced", async () => {
  const own = await open({ machine: PLAIN_MACHINE });
  const outcome = await own.map({ mapper: pythonMapper("pass", { isEnforced: true }) }, []);
  expect(outcome.kind === "released" && outcome.reason).toMatch(/^HANDLER_LIMIT_UNAVAILABLE: /);
});

describe("what an attempt was held to", () => {
  test("is told with its failure, and with its good end where its handler says some", async () => {
    const own = await open({ memoryBytes: 256 * MIB });
    const plain = await own.map({ mapper: pythonMapper("pass") }, []);
    const report = reportOf(machine);
    const memory = { kind: "memory", by: report.memory } as const;
    const time = { kind: "time", by: "node" } as const;
    expect(plain).toMatchObject({ limits: [memory, time] });
    const runtime = { cpuMillis: 1000, pids: 50, diskBytes: MIB, silenceMs: 60_000 };
    const fails = pythonMapper("raise ValueError('no')", runtime);
    const outcome = await own.map({ mapper: fails }, []);
    expect(outcome.kind === "failed" && outcome.limits).toEqual([
      memory,
      { kind: "cpu", by: report.cpu },
      { kind: "pids", by: report.pids },
      { kind: "disk", by: report.disk },
      { kind: "silence", by: "node" },
      time,
    ]);
  });

  test("says so where nobody sees to it", async () => {
    const own = await open({ machine: PLAIN_MACHINE });
    const fails = pythonMapper("raise ValueError('no')", { cpuMillis: 1000, pids: 50 });
    const outcome = await own.map({ mapper: fails }, []);
    expect(outcome.kind === "failed" && outcome.limits).toEqual([
      { kind: "cpu", by: "none" },
      { kind: "pids", by: "looking" },
      { kind: "time", by: "node" },
    ]);
  });
});
