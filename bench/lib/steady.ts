/** Calls at a steady rate, whatever has become of those before. */
import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "./statistics.ts";

/** What such calls came to. */
export interface Steady {
  readonly calls: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Makes `perSecond` calls a second for `seconds`. Times count from when a call was to begin, so that one
 * that is late because this process was held up is as late as its caller sees it.
 */
export async function steadily(
  call: (number: number) => Promise<void>,
  options: { readonly perSecond: number; readonly seconds: number },
): Promise<Steady> {
  const { perSecond, seconds } = options;
  const times: number[] = [];
  const under: Promise<void>[] = [];
  const startMs = performance.now();
  for (let number = 0; number < perSecond * seconds; number++) {
    const dueMs = startMs + (1000 * number) / perSecond;
    await sleep(Math.max(0, dueMs - performance.now()));
    const done = call(number).then(() => {
      times.push(performance.now() - dueMs);
    });
    under.push(done);
  }
  await Promise.all(under);
  return {
    calls: times.length,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    maxMs: Math.max(...times),
  };
}
