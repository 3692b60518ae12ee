/** Finds out that a handler gives no sign of itself: no output, no log, no progress, no print. */
import type { Timer, Timers } from "../std/clock.ts";
import type { CallInput } from "./worker-call.ts";
import { isWhole } from "./worker-call.ts";

/** Parts of the time that are watched one by one: it is noticed up to one part late. */
const PARTS = 4;

/** The longest delay that a timer of the machine takes, milliseconds. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** Watches one call. What the handler waits for is not its silence: input that is not there, output that is not taken. */
export class SilenceWatch {
  readonly #timers: Timers;
  readonly #partMs: number;
  readonly #onSilent: () => void;
  #timer: Timer | undefined;
  #quietParts = 0;
  #waits = 0;

  /** `onSilent` is called once, `silenceMs` after the last sign, or up to a quarter of that later. */
  constructor(
    timers: Timers,
    { silenceMs, onSilent }: { readonly silenceMs: number; readonly onSilent: () => void },
  ) {
    this.#timers = timers;
    this.#partMs = Math.min(DELAY_MS_MAX, Math.max(1, silenceMs / PARTS));
    this.#onSilent = onSilent;
    this.#next();
  }

  /** A sign. */
  hear(): void {
    this.#quietParts = 0;
  }

  /** The call is over. Harmless to repeat. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Runs something that the handler has to wait for. */
  async during<T>(waiting: Promise<T>): Promise<T> {
    this.#waits++;
    try {
      return await waiting;
    } finally {
      this.#waits--;
      this.hear();
    }
  }

  /** The same input; while the handler waits for more of it, it is not silent. */
  watched(input: CallInput): CallInput {
    return isWhole(input) ? input : this.#stream(input);
  }

  async *#stream(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const iterator = input[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.during(iterator.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  #next(): void {
    this.#timer = this.#timers.after(this.#partMs, () => {
      this.#quietParts = this.#waits > 0 ? 0 : this.#quietParts + 1;
      if (this.#quietParts > PARTS) this.#onSilent();
      else this.#next();
    });
  }
}
