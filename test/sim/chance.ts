/** Draws from a seed. Each part of a simulation has a stream of its own, so that one does not shift another. */
import { type Random, seededRandom } from "../../src/std/random.ts";

export class Chance implements Random {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A stream that depends on the seed and a label only. */
  static of(seed: number, label: string): Chance {
    let mixed = seed >>> 0;
    for (const letter of label) {
      mixed = Math.imul(mixed ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
      mixed = (mixed ^ (mixed >>> 15)) >>> 0;
    }
    return new Chance(seededRandom(mixed));
  }

  next(): number {
    return this.#random.next();
  }

  /** True with this probability. */
  hits(ratio: number): boolean {
    return this.#random.next() < ratio;
  }

  /** Uniform between the two. */
  between(low: number, high: number): number {
    return low + this.#random.next() * (high - low);
  }

  /** A whole number, both ends included. */
  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  /** One of them; there must be one. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  }

  /** Some of them, in another order. */
  sample<T>(items: readonly T[], count: number): readonly T[] {
    const left = [...items];
    const chosen: T[] = [];
    while (chosen.length < count && left.length > 0) {
      chosen.push(...left.splice(this.whole(0, left.length - 1), 1));
    }
    return chosen;
  }
}
