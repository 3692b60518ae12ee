/**
 * R20: a slot beyond those of the node, so that a short unit need not wait until another workflow's long
 * one ends. It is for a workflow whose turn it is and that has no slot, and for a small part of the time:
 * on the whole, no more runs here than there are slots.
 */

/** Part of the time in which one unit more than there are slots may run. */
const SPARE_RATIO = 0.1;

/** What was not used is kept for up to so long, milliseconds. */
const SAVED_MS_MAX = 200;

/** Units that take longer wait: beside them it would be a slot like the others. */
export const PASSING_MS_MAX = 50;

export class SpareSlot {
  #savedMs = SAVED_MS_MAX;
  #asOfMs: number;

  constructor(nowMs: number) {
    this.#asOfMs = nowMs;
  }

  /** Whether a unit may begin in it. `runMs` is the time that its like take; undefined when that is unknown. */
  isFor(runMs: number | undefined, nowMs: number): boolean {
    this.#save(nowMs);
    return runMs !== undefined && runMs <= PASSING_MS_MAX && runMs <= this.#savedMs;
  }

  /** A unit was let in and ran for so long, which may be longer than was thought: then it is paid for later. */
  used(ranMs: number, nowMs: number): void {
    this.#save(nowMs);
    this.#savedMs -= ranMs;
  }

  #save(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#asOfMs);
    this.#savedMs = Math.min(SAVED_MS_MAX, this.#savedMs + SPARE_RATIO * passedMs);
    this.#asOfMs = nowMs;
  }
}
