/** A machine's clocks: a monotonic one that may run fast or slow, and one of the date that may be set. */
import type { Timer } from "../../src/std/clock.ts";
import type { SimLoop } from "./loop.ts";

/** The date on which every simulation begins. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** Timers of a clock that drifts ring this much late, so that none rings early by an error of quotients, ms. */
const ROUNDING_MS = 1e-6;

export interface HostClockOptions {
  readonly loop: SimLoop;
  /** Where the monotonic clock begins. */
  readonly offsetMs: number;
  /** Milliseconds that it counts in each of the loop's; 1 when it does not drift. */
  readonly rate: number;
  /** How far the date is ahead at first. */
  readonly wallErrorMs: number;
}

/** It goes on while the machine is off. */
export class HostClock {
  readonly #options: HostClockOptions;
  #wallErrorMs: number;

  constructor(options: HostClockOptions) {
    this.#options = options;
    this.#wallErrorMs = options.wallErrorMs;
  }

  get rate(): number {
    return this.#options.rate;
  }

  /** How far the date is ahead. */
  get wallErrorMs(): number {
    return this.#wallErrorMs;
  }

  /** Monotonic, from anywhere on. */
  nowMs(): number {
    return this.countMs() + this.#options.offsetMs;
  }

  /** Monotonic, from 0 on: differences have no error of rounding while the clock does not drift. */
  countMs(): number {
    return this.#options.loop.nowMs() * this.rate;
  }

  /** Kept right in its pace by others, as dates are: only steps change its error. */
  wallMs(): number {
    return EPOCH_MS + this.#options.loop.nowMs() + this.#wallErrorMs;
  }

  /** Somebody, or a program, sets the date. */
  setWallError(errorMs: number): void {
    this.#wallErrorMs = errorMs;
  }

  /** Runs once when this clock has counted `delayMs`. */
  after(delayMs: number, run: () => void): Timer {
    const { loop } = this.#options;
    if (this.rate === 1) return loop.after(delayMs, run);
    return loop.after(Math.max(0, delayMs) / this.rate + ROUNDING_MS, run);
  }
}
