/** The machine's clock, timers and chance: the only place of the program that names them. */
import { randomFillSync } from "node:crypto";
import type { Clock, Timer, Timers, WallClock } from "../std/clock.ts";
import type { Random } from "../std/random.ts";

/** Monotonic milliseconds since the process began. */
export const systemClock: Clock = { nowMs: () => performance.now() };

/** The date. */
export const systemWall: WallClock = { wallMs: () => Date.now() };

/** A delay of 0 means "soon, after what has arrived": it does not wait for a timer's turn. */
export const systemTimers: Timers = {
  after(delayMs: number, run: () => void): Timer {
    if (delayMs <= 0) {
      const immediate = setImmediate(run);
      return { cancel: () => clearImmediate(immediate) };
    }
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Unpredictable, so that it may name things as well. */
export const systemRandom: Random = {
  next: () => {
    const words = new Uint32Array(1);
    randomFillSync(words);
    return (words[0] ?? 0) / 2 ** 32;
  },
};
