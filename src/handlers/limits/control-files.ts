/**
 * The files of control groups by which handlers are limited, in both versions of the interface: the
 * kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LimitBase } from "./report.ts";

/** What a group is limited to; undefined for no limit. */
export interface GroupLimits {
  readonly memoryBytes: number | undefined;
  /** Thousandths of a processor. */
  readonly cpuMillis: number | undefined;
  /** Processes and threads. */
  readonly pids: number | undefined;
}

/** Time over which processor time is measured out, microseconds. */
const PERIOD_US = 100_000;

/** For less than the kernel's least quota of a millisecond in it. */
const LONG_PERIOD_US = 1_000_000;
const QUOTA_US_MIN = 1000;

/**
 * Limits the memory of a group, with swap where it is counted.
 * @throws {Error} of the system, when the group uses more already or is gone.
 */
export function limitMemory(base: LimitBase, bytes: number | undefined): void {
  const { directory, version } = base;
  if (version === "cgroup-v2") {
    writeFileSync(join(directory, "memory.max"), bytes === undefined ? "max" : String(bytes));
    writeIfThere(join(directory, "memory.swap.max"), bytes === undefined ? "max" : "0");
    return;
  }
  const text = bytes === undefined ? "-1" : String(bytes);
  const both = join(directory, "memory.memsw.limit_in_bytes");
  // Memory with swap is never limited to less than memory alone, so one of the two orders is right.
  writeIfThere(both, text);
  writeFileSync(join(directory, "memory.limit_in_bytes"), text);
  writeIfThere(both, text);
}

/** @throws {Error} of the system. */
export function limitCpu(base: LimitBase, millis: number | undefined): void {
  const period = millis !== undefined && millis < 10 ? LONG_PERIOD_US : PERIOD_US;
  const quota = millis === undefined ? undefined : Math.max(QUOTA_US_MIN, (period / 1000) * millis);
  setQuota(base, { period, quota });
}

/** @throws {Error} of the system. */
export function setQuota(
  { directory, version }: LimitBase,
  { period, quota }: { readonly period: number; readonly quota: number | undefined },
): void {
  if (version === "cgroup-v2") {
    writeFileSync(join(directory, "cpu.max"), `${quota ?? "max"} ${period}`);
    return;
  }
  // The quota first taken away: none is refused for being too long for its period in between.
  writeFileSync(join(directory, "cpu.cfs_quota_us"), "-1");
  writeFileSync(join(directory, "cpu.cfs_period_us"), String(period));
  if (quota !== undefined) writeFileSync(join(directory, "cpu.cfs_quota_us"), String(quota));
}

/** @throws {Error} of the system. */
export function limitPids({ directory }: LimitBase, pids: number | undefined): void {
  writeFileSync(join(directory, "pids.max"), pids === undefined ? "max" : String(pids));
}

/** Processes of a group that the kernel has killed for its memory, since the group was made. */
export function oomKills({ directory, version }: LimitBase): number {
  const file = version === "cgroup-v2" ? "memory.events" : "memory.oom_control";
  return countIn(join(directory, file), "oom_kill");
}

/** Most memory that a group has used, bytes; 0 where the kernel does not tell. */
export function peakBytes({ directory, version }: LimitBase): number {
  const file = version === "cgroup-v2" ? "memory.peak" : "memory.max_usage_in_bytes";
  return Number(read(join(directory, file)).trim()) || 0;
}

/** Memory of a group that the system cannot take back by itself, bytes; undefined where that cannot be read. */
export function heldBytes({ directory, version }: LimitBase): number | undefined {
  const text = read(join(directory, "memory.stat"));
  const names = version === "cgroup-v2" ? ["anon", "shmem"] : ["rss", "shmem"];
  const counts = names.map((name) => new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
  if (counts[0] === undefined) return undefined;
  return counts.reduce((sum, count) => sum + Number(count ?? 0), 0);
}

/** How often a group was refused another process. */
export function forksRefused({ directory }: LimitBase): number {
  return countIn(join(directory, "pids.events"), "max");
}

/** How often a group had to wait for processor time. */
export function throttles({ directory }: LimitBase): number {
  return countIn(join(directory, "cpu.stat"), "nr_throttled");
}

/** Of lines such as `oom_kill 1`. */
function countIn(file: string, name: string): number {
  const line = read(file)
    .split("\n")
    .find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** Kernels without swap accounting have no such file, and one of two writes may come in the wrong order. */
function writeIfThere(file: string, text: string): void {
  if (!existsSync(file)) return;
  try {
    writeFileSync(file, text);
  } catch {
    // Swap is limited together with memory or not at all.
  }
}
