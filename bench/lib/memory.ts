/** What a process's memory is made of. */
import { readFileSync } from "node:fs";

/** Bytes. The parts overlap: buffers are in `external`, and all but files in `anonymous`. */
export interface Memory {
  /** All that is resident. */
  readonly resident: number;
  /** Resident pages that are the process's own. */
  readonly anonymous: number;
  /** Resident pages of mapped files: programs, and tables that LevelDB has mapped. */
  readonly files: number;
  /** What lives, and what died and was not collected yet, in the heap of the control thread. */
  readonly heapUsed: number;
  readonly heapTotal: number;
  /** Outside of that heap and counted by it. */
  readonly external: number;
  readonly buffers: number;
}

/** The memory of this process now. */
export function memoryNow(): Memory {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  const status = readFileSync("/proc/self/status", "latin1");
  return {
    resident: rss,
    anonymous: bytesIn(status, "RssAnon"),
    files: bytesIn(status, "RssFile"),
    heapUsed,
    heapTotal,
    external,
    buffers: arrayBuffers,
  };
}

/** Resident memory of another process, bytes; 0 when it has ended. */
export function residentOf(pid: number): number {
  try {
    return bytesIn(readFileSync(`/proc/${pid}/status`, "latin1"), "VmRSS");
  } catch {
    return 0;
  }
}

function bytesIn(status: string, name: string): number {
  return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
}

/** Of each part the larger one. */
export function mostOf(one: Memory | undefined, other: Memory): Memory {
  if (one === undefined) return other;
  return {
    resident: Math.max(one.resident, other.resident),
    anonymous: Math.max(one.anonymous, other.anonymous),
    files: Math.max(one.files, other.files),
    heapUsed: Math.max(one.heapUsed, other.heapUsed),
    heapTotal: Math.max(one.heapTotal, other.heapTotal),
    external: Math.max(one.external, other.external),
    buffers: Math.max(one.buffers, other.buffers),
  };
}
