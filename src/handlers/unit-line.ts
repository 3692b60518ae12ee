/** Units that wait for a slot: workflows take turns, and of each the first is next. Short ones of one kind leave the line together. */
import type { Clock, Timers } from "../std/clock.ts";
import type { Paces } from "./paces.ts";
import { Turns } from "./turns.ts";

/** A unit that has not begun. */
export interface WaitingUnit {
  /** Units of one kind can be run together; undefined for one that has to be run by itself. */
  readonly kind: string | undefined;
  /** The workflow's group, and its weight against others: a whole number from 1 on. */
  readonly group: number;
  readonly weight: number;
  /** It may begin although all slots are taken. */
  readonly isSpare: boolean;
  readonly signal: AbortSignal;
  /** It will not begin: it was given up, waited too long, or nothing begins any more. */
  readonly leave: () => void;
}

export interface UnitLineOptions {
  readonly paces: Paces;
  readonly slots: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /**
   * Who waited for so long leaves, milliseconds: more are granted than can run only to wait for a
   * moment, so the slots are taken for longer than expected, and other nodes may be idle.
   */
  readonly waitingMsMax: number;
}

export class UnitLine<U extends WaitingUnit> {
  readonly #options: UnitLineOptions;
  readonly #units: U[] = [];
  readonly #turns = new Turns();
  /** When they came, milliseconds. */
  readonly #enteredMs = new WeakMap<U, number>();
  #watching = false;
  #shut = false;

  constructor(options: UnitLineOptions) {
    this.#options = options;
  }

  /** Waits at the end of the line until it is taken, or leaves it: its signal says so, or it waits too long. */
  enter(unit: U): void {
    this.#add(unit, this.#units.length);
  }

  /** As `enter`, before all others of its workflow: it was taken with others and has not begun, or has to begin anew. */
  reenter(unit: U): void {
    this.#add(unit, 0);
  }

  /**
   * The unit that is next, and others of its kind when they are short; none when nobody waits. They have
   * a slot until `left` says for how long they had it.
   */
  take(): readonly U[] {
    const group = this.#turns.next();
    return this.#takeWith(this.#units.find((unit) => unit.group === group));
  }

  /** As `take`, of those only who may begin although all slots are taken. */
  takeSpare(): readonly U[] {
    return this.#takeWith(this.#units.find(({ isSpare }) => isSpare));
  }

  #takeWith(first: U | undefined): readonly U[] {
    if (first === undefined) return [];
    const taken = this.#batchOf(first);
    const gone = new Set(taken);
    const left = this.#units.filter((unit) => !gone.has(unit));
    this.#units.splice(0, this.#units.length, ...left);
    for (const unit of taken) this.#turns.went(unit.group);
    this.#turns.began(first.group);
    return taken;
  }

  /** What was taken together has left its slot, after so many milliseconds. */
  left(taken: readonly U[], heldMs: number): void {
    const [first] = taken;
    if (first !== undefined) this.#turns.ended(first.group, heldMs, taken.length);
  }

  /** Everybody leaves, and whoever still comes. */
  shut(): void {
    this.#shut = true;
    for (const unit of this.#units.splice(0)) {
      this.#turns.went(unit.group);
      unit.leave();
    }
  }

  /** Units of one kind are of one workflow. */
  #batchOf(first: U): readonly U[] {
    const { kind } = first;
    if (kind === undefined) return [first];
    const alike = this.#units.filter((unit) => unit.kind === kind);
    const { paces, slots } = this.#options;
    return alike.slice(0, paces.batch(kind, alike.length, slots));
  }

  #add(unit: U, at: number): void {
    if (this.#shut || unit.signal.aborted) {
      unit.leave();
      return;
    }
    this.#enteredMs.set(unit, this.#options.clock.nowMs());
    this.#units.splice(at, 0, unit);
    this.#turns.came(unit.group, unit.weight);
    this.#watch();
    unit.signal.addEventListener("abort", () => this.#leave(unit), { once: true });
  }

  /** Looks for who waits too long, while anybody waits. */
  #watch(): void {
    const { clock, timers, waitingMsMax } = this.#options;
    if (this.#watching || this.#units.length === 0) return;
    this.#watching = true;
    timers.after(waitingMsMax / 2, () => {
      this.#watching = false;
      const beforeMs = clock.nowMs() - waitingMsMax;
      for (const unit of [...this.#units])
        if ((this.#enteredMs.get(unit) ?? Number.POSITIVE_INFINITY) < beforeMs) this.#leave(unit);
      this.#watch();
    });
  }

  #leave(unit: U): void {
    const at = this.#units.indexOf(unit);
    if (at < 0) return;
    this.#units.splice(at, 1);
    this.#turns.went(unit.group);
    unit.leave();
  }
}
