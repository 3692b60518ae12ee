/** A rate in bytes a second: each taking waits until those before it have had their time. */
import type { Clock } from "../../std/clock.ts";

export class Pacer {
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  readonly #sleep: (ms: number) => Promise<void>;
  /** When the next may begin. */
  #freeMs = Number.NEGATIVE_INFINITY;

  constructor(options: {
    readonly bytesPerSecond: number;
    readonly clock: Clock;
    readonly sleep: (ms: number) => Promise<void>;
  }) {
    this.#bytesPerSecond = options.bytesPerSecond;
    this.#clock = options.clock;
    this.#sleep = options.sleep;
  }

  /** Resolves when so many bytes may go. What was not used in quiet times is not saved up. */
  async take(bytes: number): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const beginMs = Math.max(nowMs, this.#freeMs);
    this.#freeMs = beginMs + (1000 * bytes) / this.#bytesPerSecond;
    if (beginMs > nowMs) await this.#sleep(beginMs - nowMs);
  }
}
