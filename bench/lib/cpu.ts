/** Processor time of process trees, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks per second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Places after the name in /proc/PID/stat. */
const PARENT = 1;
const OWN_USER = 11;
const WAITED_SYSTEM = 14;

/** Milliseconds that the processes, their descendants and their ended children have used. */
export function cpuMsOf(roots: readonly number[]): number {
  const parents = new Map<number, number>();
  const used = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statOf(name);
    if (fields === undefined) continue;
    parents.set(Number(name), Number(fields[PARENT]));
    const ticks = fields.slice(OWN_USER, WAITED_SYSTEM + 1).map(Number);
    used.set(
      Number(name),
      ticks.reduce((sum, value) => sum + value, 0),
    );
  }
  let ticks = 0;
  for (const [pid, own] of used) if (descends(pid, roots, parents)) ticks += own;
  return (ticks * 1000) / TICKS_PER_SECOND;
}

function statOf(pid: string): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name may hold blanks and brackets, so what follows the last one is read.
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

function descends(
  pid: number,
  roots: readonly number[],
  parents: ReadonlyMap<number, number>,
): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) {
    if (roots.includes(at)) return true;
  }
  return false;
}
