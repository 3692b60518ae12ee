/** Calls that wait for the end of a request at the scheduler. */
import type { Timers } from "../std/clock.ts";

/** How a wait was over. `lost`: this node does not lead any more, so ask another. */
export type WaitEnd = "ended" | "time" | "lost";

/** Waits at once; more are answered as if their time were over. */
const WAITS_MAX = 10_000;

export class RequestWaiters {
  readonly #timers: Timers;
  readonly #waiting = new Map<number, Set<(end: WaitEnd) => void>>();
  #count = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Resolves when the request has ended, after `waitMs`, or when leadership is lost. */
  wait(request: number, waitMs: number): Promise<WaitEnd> {
    if (this.#count >= WAITS_MAX) return Promise.resolve("time");
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(request) ?? new Set();
      this.#waiting.set(request, waiting);
      this.#count += 1;
      const end = (how: WaitEnd): void => {
        if (!waiting.delete(end)) return;
        this.#count -= 1;
        if (waiting.size === 0) this.#waiting.delete(request);
        timer.cancel();
        resolve(how);
      };
      const timer = this.#timers.after(waitMs, () => end("time"));
      waiting.add(end);
    });
  }

  ended(request: number): void {
    for (const end of [...(this.#waiting.get(request) ?? [])]) end("ended");
  }

  leaderLost(): void {
    for (const waiting of [...this.#waiting.values()]) for (const end of [...waiting]) end("lost");
  }
}
