/** A map that holds so many bytes: what was used longest ago makes room. */

interface Held<V> {
  readonly value: V;
  readonly bytes: number;
}

export class BoundedMap<K, V> {
  readonly #held = new Map<K, Held<V>>();
  readonly #bytesMax: number;
  readonly #onEvicted: (key: K, value: V) => void;
  #bytes = 0;

  /** `onEvicted` is told of what made room, not of what was deleted. */
  constructor(bytesMax: number, onEvicted: (key: K, value: V) => void) {
    this.#bytesMax = bytesMax;
    this.#onEvicted = onEvicted;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: K): V | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    this.#held.delete(key);
    this.#held.set(key, held);
    return held.value;
  }

  /** `bytes`: about what key and value take in memory. */
  set(key: K, value: V, bytes: number): void {
    this.delete(key);
    this.#held.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, held] of this.#held) {
      if (this.#bytes <= this.#bytesMax) break;
      this.delete(oldest);
      this.#onEvicted(oldest, held.value);
    }
  }

  delete(key: K): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    this.#bytes -= held.bytes;
  }

  clear(): void {
    this.#held.clear();
    this.#bytes = 0;
  }
}
