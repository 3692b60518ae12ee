/** The control groups that limit one worker, and what the kernel counts in them. */
import { join } from "node:path";
import type { Timers } from "../../std/clock.ts";
import {
  forksRefused,
  type GroupLimits,
  heldBytes,
  limitCpu,
  limitMemory,
  limitPids,
  oomKills,
  peakBytes,
} from "./control-files.ts";
import { makeGroup, removeGroup } from "./group-directory.ts";
import type { GroupController, LimitBase, LimitBases } from "./report.ts";

/** What the kernel has refused since that was last asked. */
export interface Refused {
  /** It has killed a process for its memory. */
  readonly memory: boolean;
  /** It has refused to make a process. */
  readonly pids: boolean;
}

/** One group for each controller; in version 2 they are the same. */
export class GroupLimiter {
  readonly #groups: Partial<Record<GroupController, LimitBase>>;
  readonly #timers: Timers;
  #memoryBytes: number | undefined;
  #oomKills = 0;
  #forksRefused = 0;

  /** Makes nothing yet. */
  constructor(bases: LimitBases, name: string, timers: Timers) {
    const below = (base: LimitBase): LimitBase => ({
      ...base,
      directory: join(base.directory, name),
    });
    this.#groups = {
      ...(bases.memory === undefined ? {} : { memory: below(bases.memory) }),
      ...(bases.cpu === undefined ? {} : { cpu: below(bases.cpu) }),
      ...(bases.pids === undefined ? {} : { pids: below(bases.pids) }),
    };
    this.#timers = timers;
  }

  /** Files that a process writes 0 into to be limited. */
  get joins(): readonly string[] {
    return this.#directories().map((directory) => join(directory, "cgroup.procs"));
  }

  /** What the kernel holds its memory to, bytes; undefined for nothing. */
  get memoryBytes(): number | undefined {
    return this.#memoryBytes;
  }

  /** Whether the kernel counts its processes. */
  get countsProcesses(): boolean {
    return this.#groups.pids !== undefined;
  }

  /** Most that it has used, bytes; 0 where that is not known. */
  get peakBytes(): number {
    const { memory } = this.#groups;
    return memory === undefined ? 0 : peakBytes(memory);
  }

  /**
   * Memory that it uses and that the system cannot take back by itself, bytes; undefined where the kernel does
   * not hold it to that limit.
   */
  heldBytes(limitBytes: number | undefined): number | undefined {
    const { memory } = this.#groups;
    if (memory === undefined || limitBytes !== this.#memoryBytes) return undefined;
    return heldBytes(memory);
  }

  /** Who holds its memory. */
  get memoryBy(): LimitBase["version"] | undefined {
    return this.#groups.memory?.version;
  }

  /** Makes the groups and sets their limits. @throws {Error} of the system. */
  async make(limits: GroupLimits): Promise<void> {
    for (const directory of this.#directories()) await makeGroup(directory);
    const { cpu, pids } = this.#groups;
    this.holdMemory(limits.memoryBytes);
    if (cpu !== undefined && limits.cpuMillis !== undefined) limitCpu(cpu, limits.cpuMillis);
    if (pids !== undefined) limitPids(pids, limits.pids);
  }

  /** Limits memory from now on. False for what uses more already: it keeps the limit that it had. */
  holdMemory(bytes: number | undefined): boolean {
    const { memory } = this.#groups;
    if (memory === undefined || bytes === this.#memoryBytes) return true;
    // Version 2 would take the limit and end the process.
    if (bytes !== undefined && (heldBytes(memory) ?? 0) > bytes) return false;
    try {
      limitMemory(memory, bytes);
      this.#memoryBytes = bytes;
      return true;
    } catch {
      return false;
    }
  }

  /** What was refused since this was last asked: a call of before may have lived with it. */
  refused(): Refused {
    const { memory, pids } = this.#groups;
    const kills = memory === undefined ? 0 : oomKills(memory);
    const forks = pids === undefined ? 0 : forksRefused(pids);
    const told = { memory: kills > this.#oomKills, pids: forks > this.#forksRefused };
    this.#oomKills = kills;
    this.#forksRefused = forks;
    return told;
  }

  /** When their processes are dead. */
  async release(): Promise<void> {
    await Promise.all(this.#directories().map((directory) => removeGroup(directory, this.#timers)));
  }

  #directories(): readonly string[] {
    const { memory, cpu, pids } = this.#groups;
    return [...new Set([memory, cpu, pids].flatMap((group) => group?.directory ?? []))];
  }
}
