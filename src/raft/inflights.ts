import { assert } from "../std/assert.ts";

/**
 * Appends that were sent to one follower and not answered yet: a ring of (last index, bytes), oldest
 * first, bounded in messages and in bytes. An answer for an index answers all that end at or before it.
 */
export class Inflights {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  readonly #indexes: number[] = [];
  readonly #bytes: number[] = [];
  #start = 0;
  #count = 0;
  #bytesTotal = 0;

  /** @param limits messagesMax at least 1; bytesMax is exceeded by at most one message. */
  constructor(limits: { readonly messagesMax: number; readonly bytesMax: number }) {
    assert(limits.messagesMax >= 1, "at least one message must be allowed in flight");
    this.#messagesMax = limits.messagesMax;
    this.#bytesMax = limits.bytesMax;
  }

  /** Messages in flight. */
  get count(): number {
    return this.#count;
  }

  /** Whether nothing more may be sent until an answer comes. */
  get full(): boolean {
    return this.#count === this.#messagesMax || this.#bytesTotal >= this.#bytesMax;
  }

  /** Records a message. Must not be full; indexes never fall. */
  add(message: { readonly lastIndex: number; readonly bytes: number }): void {
    assert(!this.full, "a message was sent beyond the flow control limit");
    // The ring grows by need: most followers never have more than a few in flight.
    const slot = (this.#start + this.#count) % this.#messagesMax;
    this.#indexes[slot] = message.lastIndex;
    this.#bytes[slot] = message.bytes;
    this.#count += 1;
    this.#bytesTotal += message.bytes;
  }

  /** Forgets all messages that end at or before `index`. */
  freeUpTo(index: number): void {
    while (this.#count > 0 && (this.#indexes[this.#start] ?? 0) <= index) {
      this.#bytesTotal -= this.#bytes[this.#start] ?? 0;
      this.#start = (this.#start + 1) % this.#messagesMax;
      this.#count -= 1;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytesTotal = 0;
  }
}
