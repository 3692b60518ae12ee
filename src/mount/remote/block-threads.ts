/** Threads that read blocks from a node's disk and hash them, so that the one that answers the kernel need not. */
import { Worker } from "node:worker_threads";
import { workerFile } from "../worker-file.ts";

/** Begun when the first block is wanted; each takes some MB. */
const THREADS = 2;

/** A file of a block's name, and how long it is. */
export interface BlockWanted {
  readonly id: number;
  readonly path: string;
  readonly cid: string;
  readonly bytes: number;
}

export interface BlockFound {
  readonly id: number;
  /** Undefined where there is no whole block. */
  readonly data: Uint8Array<ArrayBuffer> | undefined;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, (data: Uint8Array | undefined) => void>;
}

export class BlockThreads {
  #threads: Thread[] = [];
  #last = 0;

  /** The bytes, verified; undefined where they are not there. How many are read at once its callers bound. */
  read(block: Omit<BlockWanted, "id">): Promise<Uint8Array | undefined> {
    const thread = this.#idlest();
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve) => {
      thread.waiting.set(id, resolve);
      thread.worker.postMessage({ id, ...block });
    });
  }

  #idlest(): Thread {
    const [idlest] = this.#threads.toSorted((a, b) => a.waiting.size - b.waiting.size);
    const isFull = this.#threads.length >= THREADS;
    if (idlest !== undefined && (isFull || idlest.waiting.size === 0)) return idlest;
    const thread = this.#begin();
    this.#threads.push(thread);
    return thread;
  }

  #begin(): Thread {
    const worker = new Worker(workerFile("block-worker"), { name: "blocks" });
    const thread: Thread = { worker, waiting: new Map() };
    // The process ends when nothing is mounted.
    worker.unref();
    worker.on("message", ({ id, data }: BlockFound) => {
      thread.waiting.get(id)?.(data);
      thread.waiting.delete(id);
    });
    // Whoever waits asks the node; the next one begins another.
    const gone = (): void => {
      this.#threads = this.#threads.filter((one) => one !== thread);
      for (const resolve of thread.waiting.values()) resolve(undefined);
      thread.waiting.clear();
    };
    worker.on("error", gone);
    worker.on("exit", gone);
    return thread;
  }
}
