/** One end for a call of many steps: each gets what the steps before it have left. */
import type { Clock } from "./clock.ts";

export class Deadline {
  readonly #clock: Clock;
  /** From its making, milliseconds. */
  readonly ms: number;
  readonly #endMs: number;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.ms = ms;
    this.#endMs = clock.nowMs() + ms;
  }

  /** Milliseconds until the end; 0 when it has passed. */
  leftMs(): number {
    return Math.max(0, this.#endMs - this.#clock.nowMs());
  }
}
