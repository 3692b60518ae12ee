/**
 * What every worker that is written in JavaScript does: it answers its node, one call at a time. Started
 * by the node with descriptors 3 and 4; exits when descriptor 3 ends. What handlers print goes to
 * descriptors 1 and 2 and cannot touch the protocol.
 */
import { Worker } from "node:worker_threads";
import {
  type FromWorker,
  type StartMessage,
  type ToWorker,
  WORKER_CODECS,
  WORKER_EXIT_STRAY,
  WORKER_PROTOCOL_VERSION,
} from "../../../wire/worker-protocol.ts";
import { NodeChannel, type Received } from "./javascript-channel.ts";
import { closeInherited } from "./javascript-descriptors.ts";
import { describeFailure, Fault } from "./javascript-fault.ts";

/** Exit code when the node offers no version or codec that is known here (EX_USAGE). */
const EXIT_INCOMPATIBLE = 64;

/**
 * Watches for the node's death from a thread of its own, since a handler may keep the main thread
 * busy for ever. It looks at the parent's id twice a second; reading the pipe would leave it stuck
 * in a system call that `process.exit` would wait for.
 */
const WATCHER = `
const { workerData } = require("node:worker_threads");
const cell = new Int32Array(new SharedArrayBuffer(4));
while (process.ppid === workerData) Atomics.wait(cell, 0, 0, 500);
try { process.kill(-process.pid, "SIGKILL"); } catch {}
process.kill(process.pid, "SIGKILL");
`;

/** A thread does not start while the current directory is gone, which a handler may have removed. */
const WATCH_AGAIN_MS = 100;

function watch(): void {
  const watcher = new Worker(WATCHER, { eval: true, workerData: process.ppid, stdin: false });
  watcher.on("error", () => setTimeout(watch, WATCH_AGAIN_MS).unref());
  watcher.unref();
}

/** What differs between languages. */
export interface Serving {
  /** Runs a call up to its last pair; the bytes of its log that were printed. Throws what went wrong. */
  readonly run: (
    start: StartMessage,
    options: { readonly channel: NodeChannel; readonly signal: AbortSignal },
  ) => Promise<number>;
  /** Whether a source is a handler, which is not run for that. */
  readonly check: (
    message: Extract<ToWorker, { kind: "check" }>,
  ) => FromWorker | Promise<FromWorker>;
}

/** The call that is running. */
interface Running {
  readonly call: number;
  readonly abort: AbortController;
  readonly fail: (error: Fault) => void;
}

let running: Running | undefined;

/** Calls that were given up before they began, and the newest call that began. */
const skipped = new Set<number>();
let newestCall = 0;

/** Ends this process and what it started. */
function die(): void {
  try {
    // The node makes each worker the leader of its process group.
    process.kill(-process.pid, "SIGKILL");
  } catch {
    // There is no such group when somebody runs this by hand.
  }
  process.kill(process.pid, "SIGKILL");
}

const channel = new NodeChannel({
  onEnd: die,
  onCancel: (call) => {
    if (running?.call === call) running.abort.abort(new Error("the attempt was given up"));
    else if (call > newestCall) skipped.add(call);
  },
});

function onStray(thrown: unknown): void {
  const failure = describeFailure(thrown);
  process.stderr.write(`error outside of the handler's call: ${failure.traceback}\n`);
  const fault = new Fault("HANDLER_STRAY_ERROR", failure.message);
  fault.stack = failure.traceback;
  // Without a call there is nobody to tell: state may be broken, so this worker ends.
  if (running === undefined) process.exit(WORKER_EXIT_STRAY);
  running.fail(fault);
}

/** Makes prints block when the pipe is full, so that none are lost by an exit or pile up in memory. */
function blockOn(stream: NodeJS.WriteStream): void {
  const handle: unknown = Reflect.get(stream, "_handle");
  if (typeof handle !== "object" || handle === null) return;
  const setBlocking: unknown = Reflect.get(handle, "setBlocking");
  if (typeof setBlocking === "function") Reflect.apply(setBlocking, handle, [true]);
}

async function runCall(start: StartMessage, serving: Serving): Promise<void> {
  newestCall = start.call;
  if (skipped.delete(start.call)) {
    channel.send({ kind: "done", call: start.call, logged: 0 });
    channel.flush();
    return;
  }
  const abort = new AbortController();
  const stray = new Promise<never>((_resolve, reject) => {
    running = { call: start.call, abort, fail: reject };
  });
  try {
    const running = serving.run(start, { channel, signal: abort.signal });
    const logged = await Promise.race([running, stray]);
    channel.send({ kind: "done", call: start.call, logged });
  } catch (thrown) {
    channel.send({ kind: "failed", call: start.call, ...describeFailure(thrown) });
  } finally {
    running = undefined;
    channel.stopWaiting();
  }
  // Before the next call begins: whoever dies in that one must not take this end with it.
  channel.flush();
}

async function answer(received: Received | undefined, serving: Serving): Promise<void> {
  // Batches of a call that ended before its input did are dropped here.
  if (received?.kind !== "message") return;
  const { message } = received;
  if (message.kind === "start") await runCall(message, serving);
  if (message.kind === "check") {
    channel.send(await serving.check(message));
    channel.flush();
  }
}

/** Answers the node until it is gone. */
export async function serveNode(serving: Serving): Promise<never> {
  // Before anything of a handler is here.
  closeInherited();
  blockOn(process.stdout);
  blockOn(process.stderr);
  process.on("uncaughtException", onStray);
  process.on("unhandledRejection", onStray);
  const first = await channel.receive();
  const hello = first?.kind === "message" ? first.message : undefined;
  const offered = hello?.kind === "hello" ? hello : undefined;
  const codec = WORKER_CODECS.find((known) => offered?.codecs.includes(known));
  if (codec === undefined || offered?.versions.includes(WORKER_PROTOCOL_VERSION) !== true) {
    process.exit(EXIT_INCOMPATIBLE);
  }
  channel.codec = codec;
  channel.send({ kind: "hello", version: WORKER_PROTOCOL_VERSION, codec });
  channel.flush();
  watch();
  for (;;) await answer(await channel.receive(), serving);
}
