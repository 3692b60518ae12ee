/**
 * Keeps values of secrets out of what a handler prints and says: where one appears as it is, stars are written.
 * What may be the beginning of a value waits until more comes, or until it is known that nothing does.
 */

/** Shorter values are not looked for: stars in each word would only tell them. Bytes. */
export const MASKED_BYTES_MIN = 4;

const STARS = "***";
const STARS_BYTES = new TextEncoder().encode(STARS);

/** Values that must not be seen. */
export class SecretValues {
  /** The longest first, so that one that begins with another is hidden whole. */
  #texts: readonly string[] = [];
  #values: readonly Buffer[] = [];

  /** Whether there is nothing to hide. */
  get isEmpty(): boolean {
    return this.#values.length === 0;
  }

  get values(): readonly Buffer[] {
    return this.#values;
  }

  /** Hides these, besides those that it knows. Ends of lines around a value are not part of it. */
  add(values: readonly string[]): void {
    const texts = values
      .map((value) => value.replace(/^[\r\n]+|[\r\n]+$/gu, ""))
      .filter((text) => Buffer.byteLength(text) >= MASKED_BYTES_MIN);
    const all = new Set([...this.#texts, ...texts]);
    if (all.size === this.#texts.length) return;
    this.#texts = [...all].sort((one, other) => other.length - one.length);
    this.#values = this.#texts.map((text) => Buffer.from(text));
  }

  /** A whole text without them. */
  hide(text: string): string {
    return this.#texts.reduce((left, secret) => left.replaceAll(secret, STARS), text);
  }
}

/** A stream of bytes without the values. */
export class SecretMask {
  readonly #secrets: SecretValues;
  #waiting: Buffer = Buffer.alloc(0);
  #hiddenBytes = 0;

  constructor(secrets: SecretValues) {
    this.#secrets = secrets;
  }

  /** By so many bytes what came in was more than what came out, without what waits; may be below 0. */
  get hiddenBytes(): number {
    return this.#hiddenBytes;
  }

  /** What may be shown now. */
  push(chunk: Uint8Array): Uint8Array {
    const { values, isEmpty } = this.#secrets;
    if (isEmpty) return chunk;
    const bytes = Buffer.concat([this.#waiting, chunk]);
    return this.#shown(bytes, bytes.length - beginningsAtEnd(values, bytes));
  }

  /** Of the bytes what comes before a place, and values that begin before it; the rest waits. */
  #shown(bytes: Buffer, end: number): Uint8Array {
    const shown: Uint8Array[] = [];
    let from = 0;
    for (;;) {
      const found = firstOf(this.#secrets.values, bytes, from);
      // There may be a longer one at the same place.
      if (found === undefined || found.at >= end) break;
      shown.push(bytes.subarray(from, found.at), STARS_BYTES);
      from = found.at + found.length;
      this.#hiddenBytes += found.length - STARS_BYTES.length;
    }
    const until = Math.max(from, end);
    shown.push(bytes.subarray(from, until));
    this.#waiting = Buffer.from(bytes.subarray(until));
    return Buffer.concat(shown);
  }

  /** Nothing comes that belongs to what waits. */
  flush(): Uint8Array {
    return this.#shown(this.#waiting, this.#waiting.length);
  }

  /** For the next attempt. */
  reset(): void {
    this.#waiting = Buffer.alloc(0);
    this.#hiddenBytes = 0;
  }
}

/** The first of the values from a place on; of two at one place the longer one. */
function firstOf(
  values: readonly Buffer[],
  bytes: Buffer,
  from: number,
): { readonly at: number; readonly length: number } | undefined {
  let first: { readonly at: number; readonly length: number } | undefined;
  for (const value of values) {
    const at = bytes.indexOf(value, from);
    if (at >= 0 && (first === undefined || at < first.at)) first = { at, length: value.length };
  }
  return first;
}

/** The length of the longest end of the bytes with which a value, longer than that, begins. */
function beginningsAtEnd(values: readonly Buffer[], bytes: Buffer): number {
  let longest = 0;
  for (const value of values) {
    const most = Math.min(value.length - 1, bytes.length);
    for (let length = most; length > longest; length -= 1) {
      if (bytes.subarray(bytes.length - length).equals(value.subarray(0, length))) longest = length;
    }
  }
  return longest;
}
