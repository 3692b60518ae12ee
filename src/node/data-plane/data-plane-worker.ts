/** Entry of the thread of the data plane. */
import { parentPort } from "node:worker_threads";
import { assert } from "../../std/assert.ts";
import { DataThread } from "./data-thread.ts";
import { faultOf } from "./faults.ts";
import type { FromDataPlane, OpenMessage, ToDataPlane } from "./messages.ts";

/** This thread's own clock and timers: those of the control thread cannot be handed over. */
const machine = {
  nowMs: () => performance.now(),
  after(delayMs: number, run: () => void) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const port = parentPort;
assert(port !== null, "this is the entry of a thread");
const post = (message: FromDataPlane, transfer: readonly ArrayBuffer[]) => {
  port.postMessage(message, transfer);
};

let thread: DataThread | undefined;
const waiting: ToDataPlane[] = [];

async function open(message: OpenMessage): Promise<void> {
  try {
    thread = await DataThread.open(message, { machine, post });
  } catch (error) {
    post({ kind: "open-failed", fault: faultOf(error) }, []);
    return;
  }
  post({ kind: "opened" }, []);
  for (const early of waiting.splice(0)) take(early);
}

async function close(): Promise<void> {
  await thread?.close();
  post({ kind: "closed" }, []);
}

function take(message: ToDataPlane): void {
  if (message.kind === "open") void open(message);
  else if (message.kind === "close") void close();
  else if (thread === undefined) waiting.push(message);
  else thread.take(message);
}

port.on("message", take);
