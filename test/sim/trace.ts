/** What happened, as a hash that two runs of one seed must share, and as a readable tail. */
import { createHash } from "node:crypto";
import type { SimLoop } from "./loop.ts";

/** Text and numbers hashed at once: many small pieces would cost more than the hash. */
const HASH_CHARS = 64 * 1024;
const HASH_NUMBERS = 4 * 1024;

/** Numbers of one mark: the time and what is said with it. */
const MARK_NUMBERS = 4;

/** Lines kept for a report. */
const TAIL_LINES = 120;

export class Trace {
  readonly #loop: SimLoop;
  readonly #hash = createHash("sha256");
  readonly #tail: string[] = [];
  #unhashed = "";
  readonly #numbers = new Float64Array(HASH_NUMBERS);
  #numberCount = 0;
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

  /**
   * Something that only has to be the same in every run: what it is, and up to three numbers. They come
   * apart, and the numbers are hashed as they are, since turning them into text would cost more than the rest.
   */
  mark(what: string, first = 0, second = 0, third = 0): void {
    const numbers = this.#numbers;
    let at = this.#numberCount;
    numbers[at++] = this.#loop.nowMs();
    numbers[at++] = first;
    numbers[at++] = second;
    numbers[at++] = third;
    this.#numberCount = at;
    this.#unhashed += what;
    this.#unhashed += "\n";
    if (at + MARK_NUMBERS > HASH_NUMBERS || this.#unhashed.length >= HASH_CHARS) this.#flush();
    this.#print?.(`${this.#loop.nowMs()} ${what} ${first} ${second} ${third}`);
  }

  tail(): readonly string[] {
    return this.#tail.slice(-TAIL_LINES);
  }

  /** Ends the hash. */
  digest(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #add(line: string): void {
    this.#unhashed += `${line}\n`;
    if (this.#unhashed.length >= HASH_CHARS) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#unhashed);
    this.#hash.update(this.#numbers.subarray(0, this.#numberCount));
    this.#unhashed = "";
    this.#numberCount = 0;
  }
}
