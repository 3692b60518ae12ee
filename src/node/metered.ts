/** The node's ports with a meter in front: what passes is counted, and handed on as it is. */
import type { RunnerPort } from "../actors/ports.ts";
import type { Clock } from "../std/clock.ts";
import type { Disk, OrderedKv } from "../store/ports.ts";
import type { Metrics } from "./metrics.ts";

/** A disk whose batches into the log are timed. */
export interface MeteredDisk extends Disk {
  /** How long the oldest write under way takes already; 0 while there is none. */
  writeMs(): number;
}

/** Times what is written into `log/`, and tells when a write hangs. */
export function meteredDisk(disk: Disk, metrics: Metrics, clock: Clock): MeteredDisk {
  const underWay = new Set<number>();
  const metered = (kv: OrderedKv): OrderedKv => ({
    getMany: (keys) => kv.getMany(keys),
    scan: (range) => kv.scan(range),
    snapshot: () => kv.snapshot(),
    flush: () => kv.flush(),
    close: () => kv.close(),
    async write(operations, options) {
      const startMs = clock.nowMs();
      underWay.add(startMs);
      try {
        await kv.write(operations, options);
      } finally {
        underWay.delete(startMs);
      }
      let bytes = 0;
      for (const one of operations) if (one.kind === "put") bytes += one.value.length;
      metrics.logBatch({ bytes, tookMs: clock.nowMs() - startMs });
    },
  });
  return {
    ...disk,
    openKv: async (name) => onlyLog(name, await disk.openKv(name), metered),
    createKv: async (name) => onlyLog(name, await disk.createKv(name), metered),
    writeMs: () => (underWay.size === 0 ? 0 : clock.nowMs() - Math.min(...underWay)),
  };
}

function onlyLog(name: string, kv: OrderedKv, metered: (kv: OrderedKv) => OrderedKv): OrderedKv {
  return name === "log" ? metered(kv) : kv;
}

/** Counts attempts by how they ended here. */
export function meteredRunner(runner: RunnerPort, metrics: Metrics): RunnerPort {
  return {
    beginNoMore: () => runner.beginNoMore(),
    output: (wanted) => runner.output(wanted),
    async run(work, context) {
      const ran = await runner.run(work, context);
      const { kind } = ran.outcome;
      metrics.attemptEnded(kind === "failed" || kind === "released" ? kind : "done");
      return ran;
    },
  };
}
