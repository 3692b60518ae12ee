/** A disk whose writes are timed while they are under way, so that who writes too much is held back. */
import type { Clock } from "../std/clock.ts";
import type { DatabaseName, Disk, OrderedKv } from "./ports.ts";

/** A batch that was written. */
export interface WrittenBatch {
  readonly database: DatabaseName;
  /** Of the values in it. */
  readonly bytes: number;
  readonly tookMs: number;
}

export interface WatchedDisk extends Disk {
  /** How long the oldest write under way into that database, or into any, takes already; 0 while there is none. */
  writeMs(database?: DatabaseName): number;
}

/**
 * Times what is written into `disk`; all else passes as it is.
 * @param onWritten is told of each batch that was written.
 */
export function watchedDisk(
  disk: Disk,
  clock: Clock,
  onWritten: (batch: WrittenBatch) => void = () => {},
): WatchedDisk {
  const underWay = new Set<{ readonly database: DatabaseName; readonly startMs: number }>();
  const watched = (database: DatabaseName, kv: OrderedKv): OrderedKv => ({
    getMany: (keys) => kv.getMany(keys),
    scan: (range) => kv.scan(range),
    snapshot: () => kv.snapshot(),
    flush: () => kv.flush(),
    close: () => kv.close(),
    async write(operations, options) {
      const startMs = clock.nowMs();
      const write = { database, startMs };
      underWay.add(write);
      try {
        await kv.write(operations, options);
      } finally {
        underWay.delete(write);
      }
      let bytes = 0;
      for (const one of operations) if (one.kind === "put") bytes += one.value.length;
      onWritten({ database, bytes, tookMs: clock.nowMs() - startMs });
    },
  });
  return {
    hasKv: (name) => disk.hasKv(name),
    readSmall: (name) => disk.readSmall(name),
    writeSmall: (name, bytes) => disk.writeSmall(name, bytes),
    setAside: () => disk.setAside(),
    openMark: (name) => disk.openMark(name),
    createMark: (name, bytes) => disk.createMark(name, bytes),
    openKv: async (name) => watched(name, await disk.openKv(name)),
    createKv: async (name) => watched(name, await disk.createKv(name)),
    writeMs(database) {
      const nowMs = clock.nowMs();
      let oldestMs = nowMs;
      for (const write of underWay)
        if (database === undefined || write.database === database)
          oldestMs = Math.min(oldestMs, write.startMs);
      return nowMs - oldestMs;
    },
  };
}
