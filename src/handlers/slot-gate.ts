import { assert } from "../std/assert.ts";

interface Waiting {
  readonly resolve: (entered: boolean) => void;
}

/** Lets a bounded number through at once, the others in the order in which they came. */
export class SlotGate {
  readonly #waiting: Waiting[] = [];
  #free: number;
  #shut = false;

  constructor(slots: number) {
    assert(slots > 0, "there is a slot");
    this.#free = slots;
  }

  /** Resolves to true when there is room; to false when the signal came first, or the gate was shut. */
  enter(signal?: AbortSignal): Promise<boolean> {
    if (this.#shut || signal?.aborted === true) return Promise.resolve(false);
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        resolve(false);
      };
      const waiting: Waiting = {
        resolve: (entered) => {
          signal?.removeEventListener("abort", leave);
          resolve(entered);
        },
      };
      this.#waiting.push(waiting);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Gives a place back. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next.resolve(true);
  }

  /** Lets nobody in any more. */
  shut(): void {
    this.#shut = true;
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(false);
  }
}
