import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Log, silentLog } from "../std/log.ts";
import type { Answer } from "./context.ts";
import type { Device } from "./device.ts";
import { ERRNO } from "./errno.ts";
import { volumeError } from "./errors.ts";
import { OPCODE } from "./protocol/opcode.ts";
import { DONE } from "./protocol/reply.ts";
import {
  BUFFERS_MAX,
  CONTENT_MS_MAX,
  INTERRUPT_MS_MAX,
  READERS_MAX,
  REQUEST_MS_MAX,
  REQUESTS_MAX,
  ServeLoop,
} from "./serve-loop.ts";
import type { Operation } from "./session.ts";

interface Reply {
  readonly unique: number;
  readonly errno: number;
  readonly body: string;
}

/** A kernel that asks what it is told to, and notes the answers. */
class FakeDevice implements Device {
  readonly replies: Reply[] = [];
  /** Requests whose caller has gone. */
  readonly gone = new Set<number>();
  readonly #requests: Uint8Array[] = [];
  readonly #readers: (() => void)[] = [];
  #isUnmounted = false;

  get unread(): number {
    return this.#requests.length;
  }

  ask(unique: number, opcode: number, body: Uint8Array = Buffer.alloc(0), pid = 0): void {
    const header = Buffer.alloc(40);
    header.writeUInt32LE(40 + body.length, 0);
    header.writeUInt32LE(opcode, 4);
    header.writeUInt32LE(unique, 8);
    header.writeUInt32LE(1, 16);
    header.writeUInt32LE(pid, 32);
    this.#requests.push(Buffer.concat([header, body]));
    this.#readers.shift()?.();
  }

  unmount(): void {
    this.#isUnmounted = true;
    for (const wake of this.#readers.splice(0)) wake();
  }

  async read(buffer: Buffer): Promise<number | undefined> {
    for (;;) {
      const request = this.#requests.shift();
      if (request !== undefined) {
        buffer.set(request);
        return request.length;
      }
      if (this.#isUnmounted) return undefined;
      await new Promise<void>((resolve) => {
        this.#readers.push(resolve);
      });
    }
  }

  reply(parts: readonly Uint8Array[]): boolean {
    const bytes = Buffer.concat(parts);
    const unique = bytes.readUInt32LE(8);
    if (this.gone.has(unique)) return false;
    const errno = Math.abs(bytes.readInt32LE(4));
    expect(bytes.readUInt32LE(0)).toBe(bytes.length);
    this.replies.push({ unique, errno, body: bytes.toString("utf8", 16) });
    return true;
  }
}

/** The number of a process that was killed. */
const KILLED = 4242;

type Answering = (operation: Operation) => Promise<Answer>;

/** A loop that is served until the test ends. */
async function served(
  answer: Answering,
  run: (kit: {
    readonly device: FakeDevice;
    readonly warned: unknown[];
    readonly pass: (ms: number) => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const device = new FakeDevice();
  const warned: unknown[] = [];
  const log: Log = { ...silentLog, warn: (_, fields) => warned.push(fields) };
  let nowMs = 0;
  const session = { answer: (_: unknown, operation: Operation) => answer(operation), forget() {} };
  const loop = new ServeLoop({
    device,
    session,
    isKilled: (pid) => pid === KILLED,
    nowMs: () => nowMs,
    log,
  });
  const running = loop.run();
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    // Longer than between two looks of the loop.
    await sleep(700);
  };
  await run({ device, warned, pass });
  device.unmount();
  await running;
}

const name = (text: string): Uint8Array => Buffer.from(`${text}\0`);
const settled = (): Promise<void> => sleep(20);
const never = (): Promise<Answer> => new Promise(() => undefined);

const write = (text: string): Uint8Array => {
  const body = Buffer.alloc(40 + text.length, text);
  body.fill(0, 0, 40);
  body.writeUInt32LE(text.length, 16);
  return body.fill(text, 40);
};

test("each request is answered once, with what its operation says or the error that it met", async () => {
  const answer: Answering = async (operation) => {
    if (operation.kind === "lookup" && operation.name === "f") return { parts: [name("found")] };
    if (operation.kind === "lookup") throw volumeError("VOLUME_NOT_FOUND", "x");
    throw new TypeError("a mistake");
  };
  await served(answer, async ({ device, warned }) => {
    device.ask(2, OPCODE.LOOKUP, name("f"));
    device.ask(4, OPCODE.LOOKUP, name("g"));
    device.ask(6, OPCODE.STATFS);
    device.ask(8, OPCODE.STATFS);
    await settled();
    expect(device.replies.toSorted((a, b) => a.unique - b.unique)).toEqual([
      { unique: 2, errno: 0, body: "found\0" },
      { unique: 4, errno: ERRNO.ENOENT, body: "" },
      { unique: 6, errno: ERRNO.EIO, body: "" },
      { unique: 8, errno: ERRNO.EIO, body: "" },
    ]);
    expect(warned).toHaveLength(1);
  });
});

test("what cannot be read is EIO and logged once, and unknown operations are ENOSYS", async () => {
  await served(never, async ({ device, warned }) => {
    for (const unique of [2, 4, 6]) device.ask(unique, OPCODE.OPEN, name("short"));
    device.ask(8, 4711);
    device.ask(10, OPCODE.LOOKUP, name("n".repeat(300)));
    await settled();
    expect(device.replies.map(({ errno }) => errno)).toEqual([
      ERRNO.EIO,
      ERRNO.EIO,
      ERRNO.EIO,
      ERRNO.ENOSYS,
      ERRNO.ENAMETOOLONG,
    ]);
    expect(warned).toHaveLength(1);
  });
});

test("whoever is interrupted is let go after a moment, and one who was answered by then is not told twice", async () => {
  let finish: (answer: Answer) => void = () => undefined;
  const answer: Answering = ({ kind }) =>
    kind === "readlink" ? new Promise((resolve) => (finish = resolve)) : never();
  const interrupt = (unique: number): Uint8Array => {
    const body = Buffer.alloc(8);
    body.writeUInt32LE(unique);
    return body;
  };
  await served(answer, async ({ device, pass }) => {
    device.ask(2, OPCODE.FLUSH, Buffer.alloc(24));
    device.ask(4, OPCODE.READLINK);
    await settled();
    device.ask(3, OPCODE.INTERRUPT, interrupt(2));
    device.ask(5, OPCODE.INTERRUPT, interrupt(4));
    await pass(INTERRUPT_MS_MAX / 2);
    expect(device.replies).toEqual([]);
    finish({ parts: DONE });
    await pass(INTERRUPT_MS_MAX);
    expect(device.replies).toEqual([
      { unique: 4, errno: 0, body: "" },
      { unique: 2, errno: ERRNO.EINTR, body: "" },
    ]);
  });
});

test("who was killed and closes what it had open is let go without being interrupted, and nobody else is", async () => {
  await served(never, async ({ device, pass }) => {
    device.ask(2, OPCODE.FLUSH, Buffer.alloc(24), KILLED);
    device.ask(4, OPCODE.FLUSH, Buffer.alloc(24), KILLED + 1);
    device.ask(6, OPCODE.READLINK, undefined, KILLED);
    await settled();
    await pass(0);
    await pass(INTERRUPT_MS_MAX);
    expect(device.replies).toEqual([{ unique: 2, errno: ERRNO.EINTR, body: "" }]);
  });
});

test("a volume that does not answer is ETIMEDOUT, where content moves only after a long time", async () => {
  await served(never, async ({ device, pass }) => {
    device.ask(2, OPCODE.LOOKUP, name("f"));
    device.ask(4, OPCODE.FLUSH, Buffer.alloc(24));
    await settled();
    await pass(REQUEST_MS_MAX);
    expect(device.replies).toEqual([{ unique: 2, errno: ERRNO.ETIMEDOUT, body: "" }]);
    await pass(CONTENT_MS_MAX);
    expect(device.replies.at(-1)).toEqual({ unique: 4, errno: ERRNO.ETIMEDOUT, body: "" });
  });
});

test("what nobody wants any more is taken back, whether it comes late or its caller has gone", async () => {
  const undone: string[] = [];
  const finish = new Map<string, () => void>();
  const answer: Answering = (operation) =>
    new Promise((resolve) => {
      const of = operation.kind;
      const undo = async (): Promise<void> => {
        undone.push(of);
      };
      finish.set(of, () => resolve({ parts: DONE, undo }));
    });
  await served(answer, async ({ device, pass }) => {
    device.ask(2, OPCODE.OPEN, Buffer.alloc(8));
    device.ask(4, OPCODE.OPENDIR, Buffer.alloc(8));
    await settled();
    device.gone.add(2);
    finish.get("open")?.();
    await pass(REQUEST_MS_MAX);
    finish.get("opendir")?.();
    await settled();
    expect(undone).toEqual(["open", "opendir"]);
    expect(device.replies).toEqual([{ unique: 4, errno: ERRNO.ETIMEDOUT, body: "" }]);
  });
});

test("no more is read than may be under way, and everything is answered in the end", async () => {
  const waiting: (() => void)[] = [];
  const answer: Answering = () =>
    new Promise((resolve) => {
      waiting.push(() => resolve({ parts: DONE }));
    });
  await served(answer, async ({ device }) => {
    const count = REQUESTS_MAX + 100;
    for (let at = 0; at < count; at += 1) device.ask(2 * at + 2, OPCODE.STATFS);
    await settled();
    expect(waiting.length).toBeGreaterThanOrEqual(REQUESTS_MAX);
    expect(waiting.length).toBeLessThanOrEqual(REQUESTS_MAX + READERS_MAX);
    expect(device.unread).toBe(count - waiting.length);
    while (device.replies.length < count) {
      for (const finish of waiting.splice(0)) finish();
      await settled();
    }
    expect(new Set(device.replies.map(({ unique }) => unique)).size).toBe(count);
  });
});

test("data that is being written is not overwritten by the next request", async () => {
  const seen: { readonly data: Uint8Array; readonly finish: () => void }[] = [];
  const answer: Answering = (operation) =>
    new Promise((resolve) => {
      if (operation.kind !== "write") return;
      seen.push({ data: operation.data, finish: () => resolve({ parts: DONE }) });
    });
  await served(answer, async ({ device }) => {
    const count = BUFFERS_MAX + 10;
    for (let at = 0; at < count; at += 1) {
      device.ask(2 * at + 2, OPCODE.WRITE, write(`text ${at}`));
    }
    await settled();
    expect(seen.length).toBe(BUFFERS_MAX);
    for (let at = 0; at < count; at += 1) {
      expect(Buffer.from(seen[at]?.data ?? []).toString()).toBe(`text ${at}`);
      seen[at]?.finish();
      await settled();
    }
    expect(device.replies).toHaveLength(count);
  });
});
