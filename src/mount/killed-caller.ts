/**
 * Whether a caller was killed. A process that ends has the kernel close what it had open, and may hear no signal any
 * more while it waits for that: no INTERRUPT comes then, so its state is looked up (proc_pid_stat(5), fields 9 and 52).
 */
import { readFileSync } from "node:fs";

/** Of the kernel's flags of a process: it is ending. */
const PF_EXITING = 0x4;

/** What follows the name, which may itself have spaces and brackets, begins with field 3. */
const FLAGS_FIELD = 9 - 3;
const EXIT_CODE_FIELD = 52 - 3;

/** Of the code that a process ends with: the signal that ended it, 0 when it ended by itself. */
const SIGNAL_MASK = 0x7f;

/** True when the process is ending because of a signal; false also when nothing can be known of it. */
export function isKilled(pid: number): boolean {
  if (pid === 0) return false;
  try {
    return isKilledStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    // It is gone, or of a name space that is not seen from here.
    return false;
  }
}

/** The same of what `/proc/PID/stat` says. */
export function isKilledStat(stat: string): boolean {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const flags = Number(fields[FLAGS_FIELD]);
  const exitCode = Number(fields[EXIT_CODE_FIELD]);
  return (flags & PF_EXITING) !== 0 && (exitCode & SIGNAL_MASK) !== 0;
}
