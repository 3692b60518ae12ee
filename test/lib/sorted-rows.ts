/** Rows in key order: a map beside a sorted array of its keys. */
export class SortedRows {
  readonly #values: Map<string, Uint8Array>;
  readonly #keys: string[];

  /** A copy of `rows`; who knows the order of their keys may say it. */
  constructor(
    rows: ReadonlyMap<string, Uint8Array> = new Map(),
    keys: readonly string[] = [...rows.keys()].sort(),
  ) {
    this.#values = new Map(rows);
    this.#keys = [...keys];
  }

  /** From now on neither changes with the other. */
  copy(): SortedRows {
    return new SortedRows(this.#values, this.#keys);
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Uint8Array): void {
    this.#values.set(key, value);
    const keys = this.#keys;
    // The map tells a new key by its size, so that it is looked up once.
    if (this.#values.size === keys.length) return;
    const last = keys.at(-1);
    // Nearly every new key of a log is its highest.
    if (last === undefined || last < key) keys.push(key);
    else keys.splice(this.position(key), 0, key);
  }

  delete(key: string): boolean {
    if (!this.#values.delete(key)) return false;
    const position = this.position(key);
    // What a log drops is its lowest, or its highest.
    if (position === 0) this.#keys.shift();
    else if (position === this.#keys.length - 1) this.#keys.pop();
    else this.#keys.splice(position, 1);
    return true;
  }

  /** Where `key` is or would be in key order. */
  position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The key at a position; undefined outside. */
  keyAt(position: number): string | undefined {
    return this.#keys[position];
  }

  get size(): number {
    return this.#keys.length;
  }
}
