/** How long units of a kind take, and so how many of them are run together. */

/** Kinds that are remembered; beyond that the oldest are forgotten. */
const KINDS_MAX = 1000;

/** Units that take longer gain nothing from being run together, milliseconds. */
const SHORT_MS_MAX = 10;

/** A batch takes about so long: more than what starting it costs, too little to wait for. */
const BATCH_MS = 20;

/** Units of one batch: their pairs are in memory together. */
export const BATCH_UNITS_MAX = 32;

/** Weight of the newest time in the estimate. */
const WEIGHT = 0.5;

interface Pace {
  readonly unitMs: number;
  readonly isApart: boolean;
}

export class Paces {
  readonly #kinds = new Map<string, Pace>();

  /** A unit of the kind has had a slot for so long, or its share of one. */
  ran(kind: string, unitMs: number): void {
    const known = this.#kinds.get(kind);
    const before = known?.unitMs ?? unitMs;
    this.#set(kind, {
      unitMs: before + WEIGHT * (unitMs - before),
      isApart: known?.isApart ?? false,
    });
  }

  /** Its handlers print, or leave processes: to know which unit did, each is run by itself. */
  apart(kind: string): void {
    this.#set(kind, { unitMs: this.#kinds.get(kind)?.unitMs ?? 0, isApart: true });
  }

  /** How many of the `waiting` units of the kind are run together, when `slots` share them. */
  batch(kind: string, waiting: number, slots: number): number {
    const pace = this.#kinds.get(kind);
    if (pace === undefined || pace.isApart || pace.unitMs > SHORT_MS_MAX) return 1;
    const byTime = Math.floor(BATCH_MS / Math.max(pace.unitMs, BATCH_MS / BATCH_UNITS_MAX));
    return Math.max(1, Math.min(byTime, Math.ceil(waiting / slots)));
  }

  #set(kind: string, pace: Pace): void {
    this.#kinds.delete(kind);
    this.#kinds.set(kind, pace);
    if (this.#kinds.size <= KINDS_MAX) return;
    const [oldest] = this.#kinds.keys();
    if (oldest !== undefined) this.#kinds.delete(oldest);
  }
}
