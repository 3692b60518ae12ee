/**
 * Which processes belong together where no control group tells. P1: a descendant that was seen once is
 * known for as long as it lives, so that only what leaves session, parents, environment and working
 * directory, and all of them between two looks, is missed.
 *
 * P2: the kernel numbers processes one after the other, around, and tells the newest number. So a look
 * for what was started since another one needs few of all processes, and none when nothing was started.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { KeptFile } from "./kept-file.ts";

/** One living process. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** When it was started; with the pid it names the process for ever. */
  readonly started: string;
  /** The mark in its environment, or that of a process that it was forked from. */
  readonly mark: string | undefined;
  /** Where it works; empty where that must not be known. */
  readonly directory: string;
}

/** The variable that marks the environment of a worker and of what it starts. */
export const MARK_VARIABLE = "JOBX_WORKER";

/** Rounds of a look for newcomers: a process may start another one and end while it is made. */
const ROUNDS_MAX = 3;

/** Processes whose marks are remembered between two looks at all: those that have ended are among them. */
const MARKS_MAX = 10_000;

/** Processes that run now; of one thread, since it remembers their marks from look to look. */
export class ProcessTable {
  #marks = new Map<string, string | undefined>();
  #entries: readonly ProcessEntry[] = [];
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** Of this process's own namespace; not in every kernel. */
  readonly #newest = new KeptFile("/proc/sys/kernel/ns_last_pid");

  /** All processes, looked up anew when that was done more than `ageMsMax` ago. */
  entries(nowMs: number, ageMsMax: number): readonly ProcessEntry[] {
    if (nowMs - this.#lookedMs >= ageMsMax) {
      this.#entries = this.#look();
      this.#lookedMs = nowMs;
    }
    return this.#entries;
  }

  /** The number of the newest process or thread (P2); undefined where the kernel does not tell it. */
  newest(): number | undefined {
    const text = this.#newest.beginning();
    return text === undefined ? undefined : Number(text);
  }

  /**
   * The processes that were started after the one with the number `since`, and the number to ask with the
   * next time. All processes where `since` is undefined, as `newest` is where it is not known.
   */
  newcomers(since: number | undefined): {
    readonly newcomers: readonly ProcessEntry[];
    readonly newest: number | undefined;
  } {
    // A look at all forgets the marks of those that have ended.
    if (this.#marks.size > MARKS_MAX) this.#look();
    const newcomers: ProcessEntry[] = [];
    let from = since;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const newest = this.newest();
      if (newest !== undefined && newest === from) break;
      const isNew = (pid: number): boolean => isBetween(pid, from, newest);
      newcomers.push(...this.of(names().map(Number).filter(isNew)));
      from = newest;
      if (newest === undefined) break;
    }
    return { newcomers, newest: from };
  }

  /** Those of these that live. */
  of(pids: readonly number[]): readonly ProcessEntry[] {
    return pids.flatMap((pid) => this.#entry(pid, this.#marks) ?? []);
  }

  #look(): readonly ProcessEntry[] {
    const before = this.#marks;
    this.#marks = new Map();
    return names().flatMap((name) => this.#entry(Number(name), before) ?? []);
  }

  #entry(
    pid: number,
    marksBefore: ReadonlyMap<string, string | undefined>,
  ): ProcessEntry | undefined {
    const stat = statOf(pid);
    if (stat === undefined) return undefined;
    const id = `${pid} ${stat.started}`;
    // What a process has once inherited is not lost by what it becomes.
    const mark = marksBefore.get(id) ?? markOf(pid);
    this.#marks.set(id, mark);
    return { pid, ...stat, mark, directory: directoryOf(pid) };
  }
}

/** Whether a number was given out after `from`, up to `to`; numbers begin anew after the largest. */
function isBetween(pid: number, from: number | undefined, to: number | undefined): boolean {
  if (from === undefined || to === undefined) return true;
  return from < to ? pid > from && pid <= to : pid > from || pid <= to;
}

/** A worker, as the table knows it. */
export interface FamilyRoot {
  readonly pid: number;
  readonly mark: string;
  /** Its own directory. */
  readonly directory: string;
}

/** Of all processes those that belong to a worker, by `known` (pids and starts) or by what they have. */
export function familyOf(
  entries: readonly ProcessEntry[],
  root: FamilyRoot & { readonly known: ReadonlyMap<number, string> },
): readonly ProcessEntry[] {
  const { pid, mark, directory, known } = root;
  const isOwn = (entry: ProcessEntry): boolean =>
    [entry.pid, entry.parent, entry.group, entry.session].includes(pid) ||
    entry.mark === mark ||
    entry.directory === directory ||
    entry.directory.startsWith(`${directory}/`) ||
    known.get(entry.pid) === entry.started;
  const family = new Map(entries.filter(isOwn).map((entry) => [entry.pid, entry]));
  for (let before = -1; before < family.size; ) {
    before = family.size;
    for (const entry of entries) if (family.has(entry.parent)) family.set(entry.pid, entry);
  }
  return [...family.values()];
}

function names(): readonly string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Undefined for one that has ended, even if nobody has waited for it yet. */
function statOf(pid: number): Omit<ProcessEntry, "pid" | "mark" | "directory"> | undefined {
  const text = read(`/proc/${pid}/stat`);
  // The name of the program, in parentheses, may have any characters.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "X", parent, group, session] = fields;
  if (state === "Z" || state === "X") return undefined;
  const started = fields[19] ?? "";
  return { parent: Number(parent), group: Number(group), session: Number(session), started };
}

function markOf(pid: number): string | undefined {
  const start = `${MARK_VARIABLE}=`;
  const entries = read(`/proc/${pid}/environ`).split("\0");
  return entries.find((entry) => entry.startsWith(start))?.slice(start.length);
}

function directoryOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
