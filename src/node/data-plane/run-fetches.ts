/** On the control thread: those who want the same run wait for one fetch of it. */
import type { Cid } from "../../wire/dataset.ts";

interface Shared {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  waiting: number;
}

/** Fetches under way. */
export class RunFetches {
  readonly #shared = new Map<Cid, Shared>();

  /**
   * Joins the fetch of a run, or starts one. It is given up when everybody who waits for it has.
   * @throws what the fetch ends with; the signal's reason when it is given.
   */
  async join(
    cid: Cid,
    options: {
      readonly signal: AbortSignal;
      readonly fetch: (signal: AbortSignal) => Promise<void>;
    },
  ): Promise<void> {
    const { signal } = options;
    signal.throwIfAborted();
    const shared = this.#shared.get(cid) ?? this.#start(cid, options.fetch);
    shared.waiting++;
    let leave = (): void => undefined;
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => reject(toError(signal.reason));
    });
    signal.addEventListener("abort", leave);
    try {
      await Promise.race([shared.done, left]);
    } finally {
      signal.removeEventListener("abort", leave);
      shared.waiting--;
      if (shared.waiting === 0) {
        // Who comes now must not join what is being given up.
        if (this.#shared.get(cid) === shared) this.#shared.delete(cid);
        shared.abort.abort();
      }
    }
  }

  #start(cid: Cid, fetch: (signal: AbortSignal) => Promise<void>): Shared {
    const abort = new AbortController();
    const done = fetch(abort.signal);
    const shared: Shared = { done, abort, waiting: 0 };
    this.#shared.set(cid, shared);
    const forget = () => {
      if (this.#shared.get(cid) === shared) this.#shared.delete(cid);
    };
    done.then(forget, forget);
    return shared;
  }
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
