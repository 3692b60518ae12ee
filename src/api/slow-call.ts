/** Tells a person that a call takes long, and why, while it goes on. */
import type { Timer, Timers } from "../std/clock.ts";

/** Silence that nobody wonders about, and the time between two sentences. */
const FIRST_MS = 3000;
const AGAIN_MS = 10_000;

/** What is known about a call that takes long. */
export interface SlowNews {
  /** Time beyond what the node was asked to wait. */
  readonly sinceMs: number;
  /** Whom it waits for now. */
  readonly url: string;
  /** What the last attempt ended with; undefined while the first one runs. */
  readonly error: string | undefined;
}

/** Who is told. */
export interface SlowListener {
  readonly timers: Timers;
  readonly tell: (news: SlowNews) => void;
}

/** Watches one call from its making until `stop`. */
export class SlowCall {
  #timer: Timer | undefined;
  #error: string | undefined;

  constructor(
    listener: SlowListener | undefined,
    options: { readonly waitMs: number; readonly url: () => string },
  ) {
    if (listener === undefined) return;
    const { timers, tell } = listener;
    const rearm = (delayMs: number, sinceMs: number): void => {
      this.#timer = timers.after(delayMs, () => {
        tell({ sinceMs, url: options.url(), error: this.#error });
        rearm(AGAIN_MS, sinceMs + AGAIN_MS);
      });
    };
    rearm(options.waitMs + FIRST_MS, FIRST_MS);
  }

  /** Notes why an attempt failed. */
  failed(error: Error): void {
    this.#error = error.message;
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
