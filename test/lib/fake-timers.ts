/** Time that stands still until a test moves it. */
import type { Clock, Timer, Timers, WallClock } from "../../src/std/clock.ts";

interface Waiting {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Timers that are due when the turn ends, for what must not need time. */
export const AT_ONCE: Timers = {
  after: (_delayMs, run) => {
    queueMicrotask(run);
    return { cancel: () => {} };
  },
};

export class FakeTimers implements Clock, WallClock, Timers {
  #nowMs = 0;
  #set: Waiting[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#set.push(timer);
    return {
      cancel: () => {
        this.#set = this.#set.filter((other) => other !== timer);
      },
    };
  }

  /** Timers that are set. */
  get count(): number {
    return this.#set.length;
  }

  /** Moves time on; after each timer, what waits for a promise goes on. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await settle();
    for (;;) {
      // The sort keeps the order of those that are due together.
      const next = [...this.#set].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#set = this.#set.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await settle();
    }
    this.#nowMs = endMs;
  }
}

/** Lets all promise jobs end. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
