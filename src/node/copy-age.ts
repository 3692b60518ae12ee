/**
 * How old this node's copies of the groups may be. R15: who reads one is told. R8: rights are granted
 * from the system group's, and one that has long had no word of a leader may grant what was revoked.
 */

/** Beyond this age the system group's copy grants nothing, ms. */
export const RIGHTS_AGE_MS_MAX = 60_000;

export class CopyAges {
  #ledMs: ReadonlyMap<number, number> = new Map();

  /** Looked at regularly: all groups that have a replica here, and whether it hears of a leader. */
  look(nowMs: number, groups: Iterable<{ readonly group: number; readonly led: boolean }>): void {
    const ledMs = new Map<number, number>();
    for (const { group, led } of groups) {
      const knownMs = led ? nowMs : this.#ledMs.get(group);
      if (knownMs !== undefined) ledMs.set(group, knownMs);
    }
    this.#ledMs = ledMs;
  }

  /** Undefined before the first leader after a start. */
  ageMs(group: number, nowMs: number): number | undefined {
    const ledMs = this.#ledMs.get(group);
    return ledMs === undefined ? undefined : nowMs - ledMs;
  }
}
