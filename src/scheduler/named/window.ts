/**
 * Ready named units of one spec as its leader sees them: the first keys of the ready index, in order,
 * minus those that it has proposed to grant. Bounded: what does not fit is read later.
 */
import { placeOfReadyKey } from "./keys.ts";
import type { NamedRef } from "./rows.ts";

/** Keys kept; a spec may have millions. */
export const NAMED_WINDOW_MAX = 4096;

/** Units that may be taken and not yet be said to be ready no more: no more are given until some are. */
export const NAMED_TAKEN_MAX = 4096;

export class NamedWindow {
  /** In order. What was taken from its front is cut off when the half is gone. */
  #keys: string[] = [];
  #first = 0;
  /** False when keys beyond the last one may exist. */
  #complete = false;
  /** Taken, and not yet said to be ready no more. */
  readonly #taken = new Set<string>();

  /** The index was read anew from its beginning; `complete` when that was all of it. */
  fill(keys: readonly string[], complete: boolean): void {
    const kept = keys.slice(0, NAMED_WINDOW_MAX);
    this.#keys = kept.filter((key) => !this.#taken.has(key));
    this.#first = 0;
    this.#complete = complete && kept.length === keys.length;
  }

  /** A unit has become ready. */
  add(key: string): void {
    const at = this.#indexOf(key);
    if (this.#keys[at] === key || (at === this.#keys.length && !this.#complete)) return;
    this.#keys.splice(at, 0, key);
    if (this.#keys.length - this.#first <= NAMED_WINDOW_MAX) return;
    this.#keys.pop();
    this.#complete = false;
  }

  /** A unit is ready no more, whoever has it. */
  remove(key: string): void {
    this.#taken.delete(key);
    const at = this.#indexOf(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /**
   * The first units, at most `countMax`, which the caller proposes to grant. Each is to be `remove`d when it
   * is ready no more; none are given while `NAMED_TAKEN_MAX` wait for that.
   */
  take(countMax: number): readonly NamedRef[] {
    const count = Math.min(countMax, NAMED_TAKEN_MAX - this.#taken.size);
    const taken = this.#keys.slice(this.#first, this.#first + count);
    for (const key of taken) this.#taken.add(key);
    this.#first += taken.length;
    if (this.#first * 2 > this.#keys.length) {
      this.#keys = this.#keys.slice(this.#first);
      this.#first = 0;
    }
    return taken.map((key) => {
      const { spec, key: bytes } = placeOfReadyKey(key);
      return { spec, key: bytes };
    });
  }

  /** Grants that were proposed have come to nothing: what was taken counts again from the next `fill` on. */
  forgetTaken(): void {
    this.#taken.clear();
    this.#keys = [];
    this.#first = 0;
    this.#complete = false;
  }

  /** True when nothing is left to take although the index may hold more. */
  get needsKeys(): boolean {
    return this.#first === this.#keys.length && !this.#complete;
  }

  #indexOf(key: string): number {
    let low = this.#first;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
