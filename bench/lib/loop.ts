/** Closed loops: so many callers, each of which begins anew when its call has ended. */
import type { LoopResult } from "./protocol.ts";
import { percentile } from "./statistics.ts";

/** Runs `call` in `callers` loops, first unmeasured for `warmMs`. */
export async function closedLoop(
  call: () => Promise<unknown>,
  options: { readonly callers: number; readonly warmMs: number; readonly measureMs: number },
): Promise<Omit<LoopResult, "entries">> {
  const { callers, warmMs, measureMs } = options;
  const latencies: number[] = [];
  const beginMs = performance.now();
  const fromMs = beginMs + warmMs;
  const endMs = fromMs + measureMs;
  let usage: NodeJS.CpuUsage | undefined;
  async function caller(): Promise<void> {
    for (;;) {
      const startMs = performance.now();
      if (startMs >= endMs) return;
      if (startMs >= fromMs) usage ??= process.cpuUsage();
      await call();
      const doneMs = performance.now();
      // What ends outside of the window does not count, however it began.
      if (doneMs >= fromMs && doneMs < endMs) latencies.push(doneMs - startMs);
    }
  }
  await Promise.all(Array.from({ length: callers }, caller));
  const used = process.cpuUsage(usage);
  return {
    operations: latencies.length,
    elapsedMs: measureMs,
    cpuMs: (used.user + used.system) / 1000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}
