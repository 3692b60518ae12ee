/** Peers that are remembered as logged; when full, further ones are not logged. */
export const LOGGED_PEERS_MAX = 1_024;

/** How often one peer may be logged, ms. */
export const LOG_AGAIN_MS = 3_600_000;

/** Says whether a line about a peer is due: once per peer and hour, for a bounded number of peers. */
export class LogOnce {
  readonly #loggedMs = new Map<string, number>();

  /** True when the line should be written now. */
  due(peer: string, nowMs: number): boolean {
    const last = this.#loggedMs.get(peer);
    if (last !== undefined && nowMs - last < LOG_AGAIN_MS) return false;
    this.#forget(nowMs);
    // When the table is full of recent ones, a flood of made-up peers is under way: say no more.
    if (last === undefined && this.#loggedMs.size >= LOGGED_PEERS_MAX) return false;
    this.#loggedMs.delete(peer);
    this.#loggedMs.set(peer, nowMs);
    return true;
  }

  #forget(nowMs: number): void {
    for (const [peer, loggedMs] of this.#loggedMs) {
      // Oldest first, as a map keeps the order of insertion.
      if (nowMs - loggedMs < LOG_AGAIN_MS) return;
      this.#loggedMs.delete(peer);
    }
  }
}
