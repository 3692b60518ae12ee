/** The machine's clock, timers and chance: the only place of the program that names them. */
import { randomFillSync } from "node:crypto";
import { cpus } from "node:os";
import type { Clock, Timer, Timers, WallClock } from "../std/clock.ts";
import type { Random } from "../std/random.ts";
import type { LoadCounters } from "./overload-watch.ts";

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

/** How much this thread and the machine's processors have worked so far. */
export function systemLoad(): LoadCounters {
  const times = cpus().map((processor) => processor.times);
  const sumOf = (parts: readonly number[]): number => parts.reduce((sum, part) => sum + part, 0);
  return {
    busyMs: performance.eventLoopUtilization().active,
    processors: sumOf(times.flatMap((one) => Object.values(one))),
    idle: sumOf(times.map(({ idle }) => idle)),
  };
}
