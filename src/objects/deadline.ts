/** An end in time for work that can be aborted. */

/** Timers take no more, milliseconds. */
const TIMER_MS_LONGEST = 2 ** 31 - 1;

/** A signal that is given with another one, and after a time. To be ended by whoever made it. */
export class Deadline {
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal;
  readonly #onAbort = (): void => this.#abort.abort(this.#outer.reason);
  readonly #timer: NodeJS.Timeout;

  /** `late`: what the signal says when the time is over. */
  constructor(outer: AbortSignal, timeoutMs: number, late: () => Error) {
    this.#outer = outer;
    const waitMs = Math.min(timeoutMs, TIMER_MS_LONGEST);
    this.#timer = setTimeout(() => this.#abort.abort(late()), waitMs);
    if (outer.aborted) this.#onAbort();
    else outer.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#onAbort);
  }
}
