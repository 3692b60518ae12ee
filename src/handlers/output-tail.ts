/** Largest part of what a handler prints that is kept, bytes for each of stdout and stderr. */
export const OUTPUT_TAIL_BYTES = 64 * 1024;

/** The same of an attempt that ended well: such there are many. */
export const PRINTED_TAIL_BYTES = 4 * 1024;

/** The end of a stream of bytes, with a count of all of it. */
export class OutputTail {
  #chunks: Uint8Array[] = [];
  #kept = 0;
  #total = 0;

  /** All bytes since the last `reset`. */
  get totalBytes(): number {
    return this.#total;
  }

  /** Adds bytes; the tail keeps the array and does not change it. */
  push(chunk: Uint8Array): void {
    this.#total += chunk.length;
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    while (this.#kept - (this.#chunks[0]?.length ?? 0) >= OUTPUT_TAIL_BYTES) {
      this.#kept -= this.#chunks.shift()?.length ?? 0;
    }
  }

  /** Forgets everything, for the next attempt. */
  reset(): void {
    this.#chunks = [];
    this.#kept = 0;
    this.#total = 0;
  }

  /** The last of it as text, at most `bytesMax`; says how much is missing before it. */
  text(bytesMax = OUTPUT_TAIL_BYTES): string {
    const kept = Buffer.concat(this.#chunks, this.#kept).subarray(-bytesMax);
    const missing = this.#total - kept.length;
    const text = kept.toString("utf8");
    return missing === 0 ? text : `[${missing} bytes before this were not kept]\n${text}`;
  }
}
