/** A slot that some unit has, and how long. */
export class Slot {
  readonly #sinceMs: number;
  #free: (() => void) | undefined;
  #heldMs = 0;

  /** `free` is called once, when it is left. */
  constructor(nowMs: number, free: () => void) {
    this.#sinceMs = nowMs;
    this.#free = free;
  }

  /** Time between taking and leaving it. */
  get heldMs(): number {
    return this.#heldMs;
  }

  /** Time that it is held, or was. */
  msUntil(nowMs: number): number {
    return this.#free === undefined ? this.#heldMs : nowMs - this.#sinceMs;
  }

  /** Time since it was left; 0 before that. */
  msSince(nowMs: number): number {
    return this.#free === undefined ? nowMs - this.#sinceMs - this.#heldMs : 0;
  }

  /** Harmless to repeat. */
  leave(nowMs: number): void {
    const free = this.#free;
    if (free === undefined) return;
    this.#free = undefined;
    this.#heldMs = nowMs - this.#sinceMs;
    free();
  }
}
