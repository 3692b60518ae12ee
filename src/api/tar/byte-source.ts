/** A stream of bytes that is read in the sizes that are wanted. */

/** Holds no more than one piece of its source, and what one `read` wants. */
export class ByteSource {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** At most so many bytes, at least one; undefined at the end. */
  async some(bytesMax: number): Promise<Uint8Array | undefined> {
    while (this.#piece.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      this.#piece = next.value;
    }
    const part = this.#piece.subarray(0, bytesMax);
    this.#piece = this.#piece.subarray(part.length);
    return part;
  }

  /** So many bytes, not copied, where they are here already in one piece; undefined: `read` waits for them. */
  now(bytes: number): Uint8Array | undefined {
    if (this.#piece.length < bytes) return undefined;
    const part = this.#piece.subarray(0, bytes);
    this.#piece = this.#piece.subarray(bytes);
    return part;
  }

  /** So many bytes of the caller's own; fewer at the end. The caller bounds the number. */
  async read(bytes: number): Promise<Uint8Array> {
    const whole = new Uint8Array(bytes);
    let filled = 0;
    while (filled < bytes) {
      const part = await this.some(bytes - filled);
      if (part === undefined) return whole.subarray(0, filled);
      whole.set(part, filled);
      filled += part.length;
    }
    return whole;
  }

  /** Nobody wants more. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
