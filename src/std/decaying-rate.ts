/** How often something happens, of late. */

/** Each event counts less the longer ago it was: after `memoryMs` by 1/e. Needs a number or two, whatever happens. */
export class DecayingRate {
  readonly #memoryMs: number;
  #count = 0;
  #countMs = 0;

  constructor(memoryMs: number) {
    this.#memoryMs = memoryMs;
  }

  /** One more event. Time never goes back. */
  add(nowMs: number): void {
    this.#count = this.#countAt(nowMs) + 1;
    this.#countMs = nowMs;
  }

  /** Events a second. */
  perSecond(nowMs: number): number {
    return (this.#countAt(nowMs) * 1000) / this.#memoryMs;
  }

  #countAt(nowMs: number): number {
    return this.#count * Math.exp((this.#countMs - nowMs) / this.#memoryMs);
  }
}
