/** From bytes that a program writes to its lines. */
import { isUtf8 } from "node:buffer";

const LINE_END = 0x0a;

/** What a program has written so far, cut into lines; bounded by the longest line. */
export class LineSplitter {
  readonly #bytesMax: number;
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /** `bytesMax`: of one line. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * The lines that end in this chunk, without their ends; undefined for one that is no UTF-8. "too long":
   * a line is longer than it may be.
   */
  push(chunk: Uint8Array): readonly (string | undefined)[] | "too long" {
    const end = chunk.lastIndexOf(LINE_END);
    if (end < 0) {
      this.#keep(chunk);
      return this.#restBytes > this.#bytesMax ? "too long" : [];
    }
    const whole = Buffer.concat([...this.#rest, chunk.subarray(0, end)]);
    this.#rest = [];
    this.#restBytes = 0;
    this.#keep(chunk.subarray(end + 1));
    return linesOf(whole);
  }

  /** The last line, if it has no end. */
  finish(): readonly (string | undefined)[] {
    return this.#restBytes === 0 ? [] : linesOf(Buffer.concat(this.#rest));
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }
}

function linesOf(bytes: Buffer): readonly (string | undefined)[] {
  if (isUtf8(bytes)) return bytes.toString("utf8").split("\n");
  const lines: (string | undefined)[] = [];
  for (let from = 0; from <= bytes.length; ) {
    const at = bytes.indexOf(LINE_END, from);
    const line = bytes.subarray(from, at < 0 ? bytes.length : at);
    lines.push(isUtf8(line) ? line.toString("utf8") : undefined);
    from = at < 0 ? bytes.length + 1 : at + 1;
  }
  return lines;
}
