import type { Random } from "../std/random.ts";

/** First wait before a redial that failed once, ms; doubles each time. */
export const REDIAL_MIN_MS = 50;
/** Longest wait while a restart is likely: a node that comes back is found within a second. */
export const REDIAL_QUICK_MAX_MS = 500;
/** How long after a loss a restart is likely, ms. */
export const QUICK_PERIOD_MS = 30_000;
/** Longest wait for a peer that is away for long: a dial costs about 18 ms of processor time. */
export const REDIAL_MAX_MS = 5_000;

/**
 * Ms to wait before the next dial. `failures` in a row, `awayMs` since the peer was last connected.
 * Between half and the whole of the bound, so that peers do not dial in step.
 */
export function redialDelayMs(failures: number, awayMs: number, random: Random): number {
  const maxMs = awayMs < QUICK_PERIOD_MS ? REDIAL_QUICK_MAX_MS : REDIAL_MAX_MS;
  const boundMs = Math.min(maxMs, REDIAL_MIN_MS * 2 ** Math.min(failures, 10));
  return boundMs * (0.5 + random.next() / 2);
}
