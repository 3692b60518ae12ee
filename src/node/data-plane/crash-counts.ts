/** Units whose crashes are remembered; beyond that the oldest are forgotten. */
const UNITS_MAX = 1000;

/**
 * How often the thread died while a unit was under way. A unit may be the reason: given back each
 * time, it would end every thread that it comes to.
 */
export class CrashCounts {
  readonly #counts = new Map<string, number>();

  /** Notes a crash and tells how many there were for this unit, itself included. */
  add(unit: string): number {
    const count = (this.#counts.get(unit) ?? 0) + 1;
    this.#counts.delete(unit);
    this.#counts.set(unit, count);
    if (this.#counts.size > UNITS_MAX) {
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    return count;
  }

  /** The unit ended by itself. */
  clear(unit: string): void {
    if (this.#counts.size > 0) this.#counts.delete(unit);
  }
}
