/** Largest part of what a handler prints that is kept, bytes for each of stdout and stderr. */
export const OUTPUT_TAIL_BYTES = 64 * 1024;

/** The same of an attempt that ended well: such there are many. */
export const PRINTED_TAIL_BYTES = 4 * 1024;

/** Bytes of a stream, and where in it they begin. */
interface Stretch {
  readonly from: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

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

  /**
   * What is kept of it from a place on, at most `OUTPUT_TAIL_BYTES`, in memory of its own. It begins
   * later than `place` where that is not kept any more, and earlier where so much never was.
   */
  after(place: number): Stretch {
    const from = Math.min(this.#total, Math.max(place, this.#total - OUTPUT_TAIL_BYTES));
    const bytes = new Uint8Array(this.#total - from);
    // Backwards from the newest: who reads on needs little of what is kept.
    let end = bytes.length;
    for (let at = this.#chunks.length - 1; at >= 0 && end > 0; at--) {
      const chunk = this.#chunks[at] ?? new Uint8Array();
      bytes.set(chunk.subarray(Math.max(0, chunk.length - end)), Math.max(0, end - chunk.length));
      end -= chunk.length;
    }
    return { from, bytes };
  }

  /** The last of it as text, at most `bytesMax`; says how much is missing before it. */
  text(bytesMax = OUTPUT_TAIL_BYTES): string {
    const kept = Buffer.concat(this.#chunks, this.#kept).subarray(-bytesMax);
    const missing = this.#total - kept.length;
    const text = kept.toString("utf8");
    return missing === 0 ? text : `[${missing} bytes before this were not kept]\n${text}`;
  }
}
