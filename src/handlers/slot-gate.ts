import { assert } from "../std/assert.ts";

/** Lets a bounded number through at once, the others in the order in which they came. */
export class SlotGate {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(slots: number) {
    assert(slots > 0, "there is a slot");
    this.#free = slots;
  }

  /** Resolves when there is room. */
  enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Gives a place back. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
