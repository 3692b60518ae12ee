/** Units that wait for a slot. Short ones of one kind leave the line together. */
import type { Paces } from "./paces.ts";

/** A unit that has not begun. */
export interface WaitingUnit {
  /** Units of one kind can be run together; undefined for one that has to be run by itself. */
  readonly kind: string | undefined;
  readonly signal: AbortSignal;
  /** It will not begin: it was given up, or nothing begins any more. */
  readonly leave: () => void;
}

export class UnitLine<U extends WaitingUnit> {
  readonly #paces: Paces;
  readonly #slots: number;
  readonly #units: U[] = [];
  #shut = false;

  constructor(paces: Paces, slots: number) {
    this.#paces = paces;
    this.#slots = slots;
  }

  /** Waits at the end of the line until it is taken, or leaves it when its signal says so. */
  enter(unit: U): void {
    this.#add(unit, this.#units.length);
  }

  /** It comes before all others: it has been taken before. */
  reenter(unit: U): void {
    this.#add(unit, 0);
  }

  /** The unit that is next, and others of its kind when they are short; none when nobody waits. */
  take(): readonly U[] {
    const [first] = this.#units;
    if (first === undefined) return [];
    const { kind } = first;
    if (kind === undefined) return this.#units.splice(0, 1);
    const alike = this.#units.filter((unit) => unit.kind === kind);
    const taken = alike.slice(0, this.#paces.batch(kind, alike.length, this.#slots));
    const gone = new Set(taken);
    const left = this.#units.filter((unit) => !gone.has(unit));
    this.#units.splice(0, this.#units.length, ...left);
    return taken;
  }

  /** Everybody leaves, and whoever still comes. */
  shut(): void {
    this.#shut = true;
    for (const unit of this.#units.splice(0)) unit.leave();
  }

  #add(unit: U, at: number): void {
    if (this.#shut || unit.signal.aborted) {
      unit.leave();
      return;
    }
    this.#units.splice(at, 0, unit);
    unit.signal.addEventListener("abort", () => this.#leave(unit), { once: true });
  }

  #leave(unit: U): void {
    const at = this.#units.indexOf(unit);
    if (at < 0) return;
    this.#units.splice(at, 1);
    unit.leave();
  }
}
