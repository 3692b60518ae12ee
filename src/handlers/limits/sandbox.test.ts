import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ORPHAN } from "../../../test/fixtures/handlers/orphan.ts";
import { failureOf, HandlerKit } from "../../../test/lib/handler-kit.ts";
import { pythonMapper, scriptMapper, thisMachine } from "../../../test/lib/limits-kit.ts";
import type { Outcome } from "../../wire/dataset.ts";
import { sandboxWords } from "./sandbox.ts";

vi.setConfig({ testTimeout: 60_000 });

const machine = await thisMachine();
const STRICT = { sandbox: "strict" } as const;

let kit: HandlerKit | undefined;
const secrets = mkdtempSync("/var/tmp/jobx-secret-");
writeFileSync(join(secrets, "key"), "secret");
afterEach(async () => {
  await kit?.close();
  rmSync(join(secrets, "made"), { force: true });
});

async function open(options: { readonly lacks?: string } = {}): Promise<HandlerKit> {
  const { lacks } = options;
  const pool = { machine: lacks === undefined ? machine : { ...machine, sandboxLacks: lacks } };
  kit = await HandlerKit.open({ pool: { ...pool, hidden: [secrets] } });
  return kit;
}

const printed = (outcome: Outcome) =>
  outcome.kind === "mapped" ? outcome.printed?.stdout : outcome;

describe.runIf(machine.sandboxLacks === undefined)("a handler in a sandbox", () => {
  test("writes to its own directory and nowhere else", async () => {
    const own = await open();
    const lines = `open('mine', 'w').write('x')
open(os.environ['TMPDIR'] + '/mine', 'w').write('x')
for path in ['/made', '/usr/made', '/etc/made', '/sys/fs/cgroup/made']:
    try: open(path, 'w'); print('wrote', path)
    except OSError as error: print(error.errno)`;
    const outcome = await own.map({ mapper: pythonMapper(lines, STRICT) }, []);
    expect(printed(outcome)).toMatch(/^(?:\d+\n){4}$/);
  });

  test("sees nothing of its node, of people and of other processes", async () => {
    const own = await open();
    const lines = `print(os.listdir('${secrets}'), os.listdir('/root'), os.listdir('/run'))
print(len([name for name in os.listdir('/proc') if name.isdigit()]) < 5)`;
    const outcome = await own.map({ mapper: pythonMapper(lines, STRICT) }, []);
    expect(printed(outcome)).toBe("[] [] []\nTrue\n");
  });

  test("reaches no network, unless it asks for it", async () => {
    const server = createServer((socket) => socket.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const lines = `try: print(socket.create_connection(('127.0.0.1', ${port}), 5).recv(5))
except OSError as error: print('no')`;
    try {
      const own = await open();
      expect(printed(await own.map({ mapper: pythonMapper(lines, STRICT) }, []))).toBe("no\n");
      const asks = pythonMapper(lines, { ...STRICT, network: "host" });
      expect(printed(await own.map({ mapper: asks }, []))).toBe("b'hello'\n");
    } finally {
      server.close();
    }
  });

  test("is run again by a warm worker, in JavaScript too", async () => {
    const own = await open();
    const mapper = scriptMapper("writeFileSync('f', 'x'); console.log(process.pid);", STRICT);
    const first = printed(await own.map({ mapper }, []));
    expect(first).toMatch(/^\d+\n$/);
    expect(printed(await own.map({ mapper }, []))).toBe(first);
    expect(own.pool.workers).toBe(1);
  });

  test("that ends by a signal is told as that", async () => {
    const own = await open();
    const crashes = pythonMapper("os.kill(os.getpid(), signal.SIGSEGV)\ntime.sleep(60)", STRICT);
    const outcome = await own.map({ mapper: crashes }, []);
    expect(failureOf(outcome)?.code).toBe("HANDLER_CRASHED");
    expect(outcome).toMatchObject({ exit: { kind: "signal", signal: "SIGSEGV" } });
  });

  test("that leaves a process has failed", async () => {
    const own = await open();
    const leaves = pythonMapper("print(orphan())", { ...STRICT, before: ORPHAN });
    const outcome = await own.map({ mapper: leaves }, []);
    expect(failureOf(outcome)?.code).toBe("HANDLER_LEFT_PROCESSES");
  });

  test.runIf(machine.bases.memory !== undefined)("is held to its memory", async () => {
    const own = await open();
    const fills = { ...STRICT, memoryBytes: 128 * 2 ** 20 };
    const outcome = await own.map({ mapper: pythonMapper("x = b'x' * (1 << 30)", fills) }, []);
    expect(failureOf(outcome)?.code).toBe("HANDLER_MEMORY_EXCEEDED");
  });
});

test("what the node keeps below its programs is hidden, and a handler's files below that are not", () => {
  const before = process.execPath;
  const folder = mkdtempSync("/var/tmp/jobx-programs-");
  const hidden = join(folder, "data");
  const readable = join(hidden, "program");
  mkdirSync(readable, { recursive: true });
  process.execPath = join(folder, "node");
  try {
    const directory = join(hidden, "worker");
    const wish = { directory, readable: [readable], hidden: [hidden], network: false };
    const places = [folder, hidden, readable, directory];
    const at = places.map((place) => sandboxWords(wish).indexOf(place));
    expect(at.every((one) => one > 0)).toBe(true);
    expect(at).toEqual([...at].sort((one, other) => one - other));
  } finally {
    process.execPath = before;
    rmSync(folder, { recursive: true });
  }
});

test("a machine without a sandbox gives back what must be in one", async () => {
  const own = await open({ lacks: "there is none" });
  const outcome = await own.map({ mapper: pythonMapper("pass", STRICT) }, []);
  expect(outcome).toMatchObject({ kind: "released" });
  expect(outcome.kind === "released" && outcome.reason).toBe(
    "HANDLER_SANDBOX_UNAVAILABLE: the handler wants sandbox: strict, and there is none",
  );
});
