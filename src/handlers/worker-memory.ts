/**
 * How much memory a worker and what it has started use, and whether that is too much. Looked at now and
 * then: what grows by gigabytes between two looks goes over its limit before it is noticed.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** Time between two looks, milliseconds: memory is filled at about 1 GiB/s, and a look takes 0.1 ms. */
export const MEMORY_LOOK_MS = 100;

/** A worker that has kept more than this part of its limit is not used for another attempt. */
const GROWN_RATIO = 0.5;

const KIB = 1024;

/** What went over its limit. */
export interface MemoryExcess {
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** The kind of control group where the kernel has found it out. */
  readonly by?: "cgroup-v2" | "cgroup-v1" | undefined;
}

/** The memory of one worker. */
export class WorkerMemory {
  /** What the handler that the worker runs may use; undefined for no limit. */
  limitBytes: number | undefined;
  #usedBytes = 0;

  /** As of the last look. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Attempts to come would have too little left. */
  get isGrown(): boolean {
    return this.limitBytes !== undefined && this.#usedBytes > GROWN_RATIO * this.limitBytes;
  }

  /** For a JavaScript worker: an engine that may have no more heap ends by itself, before its process is over. */
  heapFull(signal: string | null, stderr: string): MemoryExcess | undefined {
    const { limitBytes } = this;
    if (limitBytes === undefined || signal !== "SIGABRT") return undefined;
    if (!/^FATAL ERROR: .*heap out of memory/m.test(stderr)) return undefined;
    return { usedBytes: this.#usedBytes, limitBytes };
  }

  /** What the kernel says, which holds it to its limit itself. */
  told(usedBytes: number): void {
    this.#usedBytes = usedBytes;
  }

  /** Looks at the processes; tells when they use more than they may. */
  async look(pids: readonly number[]): Promise<MemoryExcess | undefined> {
    const limitBytes = this.limitBytes;
    if (limitBytes === undefined) return undefined;
    let usedBytes = pids.reduce((sum, pid) => sum + roughBytes(pid), 0);
    // Forks share pages, which the rough figure counts for each of them. One that ends during an exact
    // look leaves its share to those that are read after it; a second look does not count that twice.
    for (let looks = 0; usedBytes > limitBytes && pids.length > 1 && looks < 2; looks++) {
      usedBytes = await exactBytes(pids);
    }
    this.#usedBytes = usedBytes;
    return usedBytes > limitBytes ? { usedBytes, limitBytes } : undefined;
  }
}

/**
 * Pages that only go away with the process or into swap. Those of files are not counted: the system
 * takes them back by itself.
 */
function roughBytes(pid: number): number {
  try {
    return sumOf(readFileSync(`/proc/${pid}/status`, "latin1"), /^(?:RssAnon|RssShmem|VmSwap):/);
  } catch {
    // It has ended.
    return 0;
  }
}

/** The same with shared pages divided among those who share them; costs milliseconds. */
async function exactBytes(pids: readonly number[]): Promise<number> {
  const each = pids.map(async (pid) => {
    try {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, "latin1");
      return sumOf(text, /^(?:Pss_Anon|Pss_Shmem|SwapPss):/);
    } catch {
      return roughBytes(pid);
    }
  });
  return (await Promise.all(each)).reduce((sum, bytes) => sum + bytes, 0);
}

/** Lines such as `RssAnon:   1234 kB`. */
function sumOf(text: string, wanted: RegExp): number {
  const lines = text.split("\n").filter((line) => wanted.test(line));
  return lines.reduce((sum, line) => sum + KIB * Number(/(\d+) kB/.exec(line)?.[1] ?? 0), 0);
}
