/** When a scheduler tells executors of what waits: each decision would say it again, many times for each grant. */

/** Between two words about the same demand. */
export const DEMAND_MS = 100;

/** The same where there was no demand before. */
export const NEW_DEMAND_MS = 10;

export class DemandClock {
  #toldMs = Number.NEGATIVE_INFINITY;
  #hadReady = false;

  /**
   * How long to wait before telling, milliseconds: 0 is now. Undefined when there is no hurry, since
   * nothing new waits: the next look is soon enough.
   */
  waitMs(ready: boolean, nowMs: number): number | undefined {
    const isNew = ready && !this.#hadReady;
    const leftMs = this.#toldMs + (isNew ? NEW_DEMAND_MS : DEMAND_MS) - nowMs;
    if (!ready) this.#hadReady = false;
    if (leftMs > 0) return isNew ? leftMs : undefined;
    this.#hadReady = ready;
    return 0;
  }

  /** Somebody was told. */
  told(nowMs: number): void {
    this.#toldMs = nowMs;
  }
}
