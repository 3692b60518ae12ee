/** Reads numbers as LevelDB writes them, one after the other. Beyond the end there are zeros. */
export class LevelCursor {
  readonly #bytes: Uint8Array;
  /** Where the next number begins. */
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** A number in groups of seven bits, lowest first; at most ten bytes. */
  uint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    return value;
  }

  /** Passes over so many bytes. */
  skip(bytes: number): void {
    this.at += bytes;
  }
}
