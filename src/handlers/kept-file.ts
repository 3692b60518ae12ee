/** A small file of the system that is read often. */
import { closeSync, openSync, readSync } from "node:fs";

/** Bytes that are read of it. */
const LENGTH_MAX = 32;

/** Opened when it is first read, and kept open. */
export class KeptFile {
  readonly #path: string;
  readonly #bytes = Buffer.alloc(LENGTH_MAX);
  #descriptor: number | undefined;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Its first 32 bytes as they are now, as text; undefined when it cannot be read. */
  beginning(): string | undefined {
    if (this.#closed) return undefined;
    try {
      this.#descriptor ??= openSync(this.#path, "r");
      const length = readSync(this.#descriptor, this.#bytes, 0, LENGTH_MAX, 0);
      return this.#bytes.toString("latin1", 0, length);
    } catch {
      return undefined;
    }
  }

  /** It is not read again. Harmless to repeat. */
  close(): void {
    this.#closed = true;
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
