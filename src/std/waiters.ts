/** Those who wait for something new, each for a time of its own. */
import type { Timers } from "./clock.ts";

export class Waiters {
  readonly #timers: Timers;
  readonly #max: number;
  readonly #waiting = new Set<() => void>();

  /** `max`: more do not wait at all. */
  constructor(timers: Timers, { max }: { readonly max: number }) {
    this.#timers = timers;
    this.#max = max;
  }

  /** Resolves at the next `wake`, or after `waitMs`. */
  wait(waitMs: number): Promise<void> {
    if (this.#waiting.size >= this.#max) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        timer.cancel();
        resolve();
      };
      const timer = this.#timers.after(waitMs, wake);
      this.#waiting.add(wake);
    });
  }

  /** Those who wait now; who begins to while they are woken waits for the next time. */
  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
