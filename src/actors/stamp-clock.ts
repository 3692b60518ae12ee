/**
 * R14: the time that a leader stamps entries with. It follows the median of the voters' clocks, never
 * goes back behind what the group has seen, and never runs much faster than the monotonic clock. Stamps
 * that are ahead of the median go on slowly until it has caught up: if they stood still, what is due in a
 * second by them would wait for as long as some clock was once ahead.
 */

/** How much faster than the monotonic clock stamps may run: what lags an hour catches up in an hour. */
export const STAMP_RATE_MAX = 2;

/** How fast stamps ahead of the median go on: delays double at most, and an hour ahead is gone in two. */
export const STAMP_RATE_MIN = 0.5;

/** Clocks are read in steps and messages take their time: so much is no jump, ms. */
export const STAMP_SLACK_MS = 100;

/** What was given last: the stamp, when, how far it might have gone, and how far it had to. */
interface Given {
  readonly stampMs: number;
  readonly nowMs: number;
  readonly ceilingMs: number;
  readonly leastMs: number;
}

/** The stamps of one group on one node. */
export class StampClock {
  /** The highest stamp of the group that is known here. */
  #floorMs = 0;
  #given: Given | undefined;

  /** An entry with this stamp was applied, whoever gave it. */
  seen(stampMs: number): void {
    this.#floorMs = Math.max(this.#floorMs, stampMs);
  }

  /** This node does not lead any more: its next stamps are bound by what others gave meanwhile. */
  rest(): void {
    this.#given = undefined;
  }

  /** A stamp as close to `medianMs` as may be; `nowMs` is monotonic. */
  next(medianMs: number, nowMs: number): number {
    const ceilingMs = this.#ceilingMs(medianMs, nowMs);
    const leastMs = Math.max(this.#floorMs, this.#leastMs(nowMs));
    const stampMs = Math.floor(Math.max(leastMs, Math.min(medianMs, ceilingMs)));
    this.#given = { stampMs, nowMs, ceilingMs, leastMs };
    this.#floorMs = stampMs;
    return stampMs;
  }

  /**
   * A stamp while nobody knows the median: what was given goes on at the monotonic clock's pace, and a new
   * leader stands still, since a jump could not be taken back. `ownMs` is for a group without any stamp.
   */
  hold(ownMs: number, nowMs: number): number {
    if (this.#given !== undefined) {
      return this.next(this.#given.stampMs + nowMs - this.#given.nowMs, nowMs);
    }
    return this.#floorMs > 0 ? this.#floorMs : this.next(ownMs, nowMs);
  }

  /** Rises at the least rate from the last stamp on; with its fractions, however often it is asked. */
  #leastMs(nowMs: number): number {
    const given = this.#given;
    if (given === undefined) return this.#floorMs;
    return Math.max(given.stampMs, given.leastMs) + STAMP_RATE_MIN * (nowMs - given.nowMs);
  }

  /** Rises at the greatest rate, but never further above the stamps than the slack. */
  #ceilingMs(medianMs: number, nowMs: number): number {
    const given = this.#given;
    if (given === undefined) return Math.max(this.#floorMs, medianMs) + STAMP_SLACK_MS;
    const risenMs = STAMP_RATE_MAX * (nowMs - given.nowMs);
    return Math.min(given.ceilingMs, given.stampMs + STAMP_SLACK_MS) + risenMs;
  }
}
