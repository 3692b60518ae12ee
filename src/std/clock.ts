/** Monotonic time. The real one is in `node/system.ts`; the simulator has one that it moves itself. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes backwards, not related to the date. */
  nowMs(): number;
}

/** Wall time, for display, delays and retention only; nothing that must be right depends on it. */
export interface WallClock {
  /** Milliseconds since 1970-01-01 UTC; may jump either way. */
  wallMs(): number;
}

/** A timer that has been set. */
export interface Timer {
  /** Harmless when it has fired already. */
  cancel(): void;
}

/** Timers, so that the core never names the machine's own. */
export interface Timers {
  /** Calls `run` once, not before `delayMs` have passed. `run` must not throw. */
  after(delayMs: number, run: () => void): Timer;
}
