/** How a node is told to stop: the first signal asks for it, a second one ends all waiting. */
import { JobxError } from "../std/errors.ts";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Whose signals are heard: the process. */
export interface SignalSource {
  on(signal: (typeof SIGNALS)[number], listener: () => void): unknown;
}

/** Heard from its making on: also while the node only starts. */
export class StopSignals {
  readonly #stop = new AbortController();
  readonly #now = new AbortController();

  constructor(source: SignalSource) {
    for (const signal of SIGNALS) {
      source.on(signal, () => {
        if (this.#stop.signal.aborted) this.#now.abort();
        this.#ask();
      });
    }
  }

  /** The node is to stop; its reason is what a start that gives up on it throws (`NODE_STOPPING`). */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** And is not to wait for anything. */
  get now(): AbortSignal {
    return this.#now.signal;
  }

  /** As two signals. */
  stopNow(): void {
    this.#now.abort();
    this.#ask();
  }

  /** Resolves when the node is to stop. */
  whenAsked(): Promise<void> {
    return happened(this.#stop.signal);
  }

  /** Resolves with nothing when the node is not even to wait. */
  whenHurried(): Promise<undefined> {
    return happened(this.#now.signal).then(() => undefined);
  }

  #ask(): void {
    this.#stop.abort(new JobxError({ code: "NODE_STOPPING" }, "the node was told to stop"));
  }
}

function happened(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
