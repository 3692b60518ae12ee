import { SLICE_MS } from "./limits.ts";

/**
 * Lets the loop breathe: `pause` gives other work a turn when this work has had its slice. For long
 * sequences of short steps that would otherwise follow each other without a turn between.
 */
export class Slices {
  readonly #nowMs: () => number;
  #sinceMs: number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  /** Resolves at once while the slice lasts, else after a turn of the loop. */
  async pause(): Promise<void> {
    if (this.#nowMs() - this.#sinceMs < SLICE_MS) return;
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    this.#sinceMs = this.#nowMs();
  }
}
