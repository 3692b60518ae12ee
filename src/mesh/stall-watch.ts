// Tells the other side's silence from our own: a loop that was stopped (garbage collection, SIGSTOP,
// a long step) has not listened, and must not blame its peers for it.

/** Regular ticks that say how much of the time since the last one the loop was stalled. */
export class StallWatch {
  readonly #intervalMs: number;
  #lastMs: number;

  /** `intervalMs`: how often `tick` will be called. */
  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#lastMs = nowMs;
  }

  /** Ms beyond the interval since the last tick: time that no peer may be blamed for. */
  tick(nowMs: number): number {
    const stalledMs = Math.max(0, nowMs - this.#lastMs - this.#intervalMs);
    this.#lastMs = nowMs;
    return stalledMs;
  }
}
