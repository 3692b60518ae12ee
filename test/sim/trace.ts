/** What happened, as a hash that two runs of one seed must share, and as a readable tail. */
import { createHash } from "node:crypto";
import type { SimLoop } from "./loop.ts";

/** Text hashed at once: many small pieces would cost more than the hash. */
const HASH_CHARS = 64 * 1024;

/** Lines kept for a report. */
const TAIL_LINES = 120;

export class Trace {
  readonly #loop: SimLoop;
  readonly #hash = createHash("sha256");
  readonly #tail: string[] = [];
  #unhashed = "";
  readonly #print: ((line: string) => void) | undefined;

  /** `print` gets every line at once, also those of single messages. */
  constructor(loop: SimLoop, print: ((line: string) => void) | undefined) {
    this.#loop = loop;
    this.#print = print;
  }

  /** Something a reader wants to know. */
  note(text: string): void {
    const line = `${this.#loop.nowMs().toFixed(3).padStart(10)} ${text}`;
    this.#add(line);
    this.#tail.push(line);
    if (this.#tail.length > 2 * TAIL_LINES) this.#tail.splice(0, TAIL_LINES);
    this.#print?.(line);
  }

  /** Something that only has to be the same in every run. */
  mark(text: string): void {
    const line = `${this.#loop.nowMs()} ${text}`;
    this.#add(line);
    this.#print?.(line);
  }

  tail(): readonly string[] {
    return this.#tail.slice(-TAIL_LINES);
  }

  /** Ends the hash. */
  digest(): string {
    this.#hash.update(this.#unhashed);
    return this.#hash.digest("hex");
  }

  #add(line: string): void {
    this.#unhashed += `${line}\n`;
    if (this.#unhashed.length < HASH_CHARS) return;
    this.#hash.update(this.#unhashed);
    this.#unhashed = "";
  }
}
