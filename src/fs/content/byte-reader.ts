/** Reads counted bytes from a stream of buffers of any size. */

/** One reader of one stream; holds one buffer of it. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Bytes that were taken so far. */
  offset = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `count` bytes, copied only where they lie in several buffers; fewer at the end. */
  async take(count: number): Promise<Uint8Array> {
    const first = await this.#some(count);
    if (first.length === count || first.length === 0) return first;
    // Not cleared, since all that is handed out of it is written before.
    const whole = new Uint8Array(Buffer.allocUnsafeSlow(count).buffer);
    whole.set(first);
    let filled = first.length;
    while (filled < count) {
      const part = await this.#some(count - filled);
      if (part.length === 0) return whole.subarray(0, filled);
      whole.set(part, filled);
      filled += part.length;
    }
    return whole;
  }

  /** Tells the stream that nothing more is wanted. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  /** Up to `countMax` bytes, none only at the end. */
  async #some(countMax: number): Promise<Uint8Array> {
    while (this.#at === this.#buffer.length && countMax > 0) {
      const next = await this.#source.next();
      if (next.done === true) return new Uint8Array(0);
      this.#buffer = next.value;
      this.#at = 0;
    }
    const part = this.#buffer.subarray(this.#at, this.#at + countMax);
    this.#at += part.length;
    this.offset += part.length;
    return part;
  }
}
