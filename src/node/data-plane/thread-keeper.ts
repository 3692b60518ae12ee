/** On the control thread: keeps a thread of the data plane running, at a bounded rate. */
import { Worker } from "node:worker_threads";
import { unreachable } from "../../std/assert.ts";
import type { Log } from "../../std/log.ts";
import { closed, crashed, type DataPlaneError } from "./errors.ts";
import { errorOf } from "./faults.ts";
import type { FromDataPlane, OpenMessage, ToDataPlane } from "./messages.ts";

/** Pause before a start, milliseconds: none after the first crash, then doubling up to the most. */
const PAUSE_MS = 100;
const PAUSE_MS_MAX = 10_000;

/** A thread that lived so long starts the count of crashes afresh, milliseconds. */
const HEALTHY_MS = 60_000;

/** Messages held while there is no thread: every unit of many slots, and no memory to speak of. */
const HELD_MAX = 10_000;

/** Time that a thread is given to close, milliseconds: to kill its workers, and some more. */
const CLOSE_MS = 10_000;

/** The thread's heap for what is new, MB: two halves of a third each are used. By itself V8 takes 192. */
const YOUNG_MB_MAX = 48;

/** What the owner is told. */
export interface ThreadListener {
  message(message: FromDataPlane): void;
  /** All that was posted before this is lost; what is posted from now on goes to the next thread. */
  crashed(error: DataPlaneError): void;
}

interface Held {
  readonly message: ToDataPlane;
  readonly transfer: readonly ArrayBuffer[];
}

/** One thread at a time. */
export class ThreadKeeper {
  readonly #open: Omit<OpenMessage, "kind" | "generation">;
  readonly #listener: ThreadListener;
  readonly #log: Log;
  #worker: Worker | undefined;
  #held: Held[] = [];
  #generation = 0;
  #crashes = 0;
  #startedMs = 0;
  #pause: NodeJS.Timeout | undefined;
  #onClosed: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;
  #opened: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(options: {
    readonly open: Omit<OpenMessage, "kind" | "generation">;
    readonly listener: ThreadListener;
    readonly log: Log;
  }) {
    this.#open = options.open;
    this.#listener = options.listener;
    this.#log = options.log;
  }

  /** Resolves when the first thread is ready. @throws {JobxError} why it cannot be. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#opened = { resolve, reject };
      this.#startThread();
    });
  }

  /** Goes to the thread, in order; held while it starts anew. @throws {JobxError} when too many are. */
  post(message: ToDataPlane, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#closed) throw closed();
    if (this.#worker !== undefined) this.#worker.postMessage(message, transfer);
    else if (this.#held.length >= HELD_MAX) throw crashed();
    else this.#held.push({ message, transfer });
  }

  /** Ends the thread and its workers. Harmless to repeat. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    const worker = this.#worker;
    if (worker === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_MS);
      this.#onClosed = () => {
        clearTimeout(timer);
        resolve();
      };
      worker.postMessage({ kind: "close" } satisfies ToDataPlane);
    });
    await worker.terminate();
  }

  #startThread(): void {
    this.#generation++;
    this.#startedMs = performance.now();
    const worker = new Worker(new URL(entryName(), import.meta.url), {
      name: "data-plane",
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB_MAX },
    });
    let cause: unknown;
    worker.on("message", (message: FromDataPlane) => this.#message(message));
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", () => this.#exited(worker, cause));
    this.#worker = worker;
    const generation = this.#generation;
    worker.postMessage({ kind: "open", ...this.#open, generation } satisfies ToDataPlane);
    const held = this.#held;
    this.#held = [];
    for (const { message, transfer } of held) worker.postMessage(message, transfer);
  }

  #message(message: FromDataPlane): void {
    switch (message.kind) {
      case "opened":
        this.#opened?.resolve();
        this.#opened = undefined;
        return;
      case "open-failed": {
        const error = errorOf(message.fault);
        this.#log.error("the data plane cannot be opened", { code: error.code });
        // The first start fails as a whole; a later one is tried again.
        if (this.#opened !== undefined) this.#closed = true;
        this.#opened?.reject(error);
        this.#opened = undefined;
        void this.#worker?.terminate();
        return;
      }
      case "closed":
        this.#onClosed?.();
        return;
      case "ran":
      case "ensured":
      case "listed":
      case "had":
      case "verified":
      case "described":
      case "counted":
      case "coded":
      case "checked":
      case "output":
      case "stored":
      case "failed":
      case "ask-inputs":
      case "ask-source":
      case "ask-block":
      case "slice":
      case "slices-end":
      case "slices-failed":
      case "credit":
      case "stop":
        this.#listener.message(message);
        return;
      default:
        unreachable(message);
    }
  }

  #exited(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#onClosed?.();
    const error = this.#closed ? closed() : crashed(cause);
    this.#listener.crashed(error);
    if (this.#closed) return;
    this.#log.error("the thread of the data plane ended; it starts anew", { cause: String(cause) });
    this.#opened?.reject(error);
    if (this.#opened !== undefined) {
      this.#closed = true;
      return;
    }
    if (performance.now() - this.#startedMs > HEALTHY_MS) this.#crashes = 0;
    const pauseMs = this.#crashes === 0 ? 0 : PAUSE_MS * 2 ** Math.min(this.#crashes - 1, 10);
    this.#crashes++;
    this.#pause = setTimeout(() => this.#startThread(), Math.min(pauseMs, PAUSE_MS_MAX));
  }
}

/** The entry is beside this module, in the sources and when built. */
function entryName(): string {
  return import.meta.url.endsWith(".ts") ? "./data-plane-worker.ts" : "./data-plane-worker.js";
}
