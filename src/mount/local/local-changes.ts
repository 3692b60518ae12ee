/** What one client of a local volume is told of the changes of others: the newest, in a bounded queue. */
import type { VolumeChange } from "../ports.ts";

/** Changes that wait for a client; the oldest go, and timeouts heal what it was not told. */
export const CHANGES_MAX = 4096;

export class ChangeQueue {
  readonly #waiting: VolumeChange[] = [];
  #wake: (() => void) | undefined;

  push(change: VolumeChange): void {
    if (this.#waiting.length >= CHANGES_MAX) this.#waiting.shift();
    this.#waiting.push(change);
    this.#wake?.();
  }

  /** Changes as they come, until the signal. One reader at a time. */
  async *read(signal: AbortSignal): AsyncGenerator<VolumeChange> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (!signal.aborted) {
        const change = this.#waiting.shift();
        if (change !== undefined) yield change;
        else await this.#pushed();
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  #pushed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
