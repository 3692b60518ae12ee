/**
 * Which processes belong together where no control group tells. P1: a descendant that was seen once is
 * known for as long as it lives, so that only what leaves session, parents, environment and working
 * directory, and all of them between two looks, is missed.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

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

/** Processes that run now; of one thread, since it remembers their marks from look to look. */
export class ProcessTable {
  #marks = new Map<string, string | undefined>();
  #entries: readonly ProcessEntry[] = [];
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** All processes, looked up anew when that was done more than `ageMsMax` ago. */
  entries(nowMs: number, ageMsMax: number): readonly ProcessEntry[] {
    if (nowMs - this.#lookedMs >= ageMsMax) {
      this.#entries = this.#look();
      this.#lookedMs = nowMs;
    }
    return this.#entries;
  }

  #look(): readonly ProcessEntry[] {
    const before = this.#marks;
    this.#marks = new Map();
    const found: ProcessEntry[] = [];
    for (const name of names()) {
      const stat = statOf(name);
      if (stat === undefined) continue;
      const id = `${name} ${stat.started}`;
      // What a process has once inherited is not lost by what it becomes.
      const mark = before.get(id) ?? markOf(name);
      this.#marks.set(id, mark);
      found.push({ pid: Number(name), ...stat, mark, directory: directoryOf(name) });
    }
    return found;
  }
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
    [entry.pid, entry.group, entry.session].includes(pid) ||
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
function statOf(name: string): Omit<ProcessEntry, "pid" | "mark" | "directory"> | undefined {
  const text = read(`/proc/${name}/stat`);
  // The name of the program, in parentheses, may have any characters.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "X", parent, group, session] = fields;
  if (state === "Z" || state === "X") return undefined;
  const started = fields[19] ?? "";
  return { parent: Number(parent), group: Number(group), session: Number(session), started };
}

function markOf(name: string): string | undefined {
  const start = `${MARK_VARIABLE}=`;
  const entries = read(`/proc/${name}/environ`).split("\0");
  return entries.find((entry) => entry.startsWith(start))?.slice(start.length);
}

function directoryOf(name: string): string {
  try {
    return readlinkSync(`/proc/${name}/cwd`);
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
