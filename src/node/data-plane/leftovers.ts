/** Workers that outlived the thread that had started them. */
import { readdir, readFile } from "node:fs/promises";

/** Rounds of looking: a process may start another while it is looked for. */
const ROUNDS_MAX = 10;

/**
 * Kills every process whose home is below the directory. A worker that is busy does not notice that
 * its thread is gone: the process that it was started by lives on.
 */
export async function killLeftovers(directory: string): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const found = await leftovers(`HOME=${directory}/`);
    if (found.length === 0) return;
    for (const pid of found) kill(pid);
  }
}

async function leftovers(home: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const environment = await readFile(`/proc/${name}/environ`, "latin1").catch(() => "");
    if (environment.split("\0").some((entry) => entry.startsWith(home))) found.push(Number(name));
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
