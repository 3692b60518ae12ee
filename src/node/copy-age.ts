/**
 * R8: how old this node's copy of the system group may be. Rights are granted from that copy, and one
 * that has long had no word of a leader may grant what was revoked since.
 */

/** Beyond this age the copy grants nothing, ms. */
export const COPY_AGE_MS_MAX = 60_000;

export class CopyAge {
  #ledMs = Number.NEGATIVE_INFINITY;

  /** Looked at regularly; `led`: the group has a leader that this node hears of. */
  look(nowMs: number, led: boolean): void {
    if (led) this.#ledMs = nowMs;
  }

  /** Whether the copy may grant rights; not before the first leader after a start. */
  isFresh(nowMs: number): boolean {
    return nowMs - this.#ledMs <= COPY_AGE_MS_MAX;
  }
}
