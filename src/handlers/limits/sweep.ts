/** Ends and removes the groups that a node's earlier runs have made to limit its workers. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Timers } from "../../std/clock.ts";
import { type GroupNames, groupsOf, removeGroup } from "./group-directory.ts";
import type { LimitBases } from "./report.ts";

/** Never rejects; what is stuck is found again at the next start. */
export async function sweepLimits(
  { memory, cpu, pids }: LimitBases,
  options: { readonly owner: string; readonly names: GroupNames; readonly timers: Timers },
): Promise<void> {
  const { owner, names, timers } = options;
  const bases = new Set([memory, cpu, pids].flatMap((base) => base?.directory ?? []));
  const sweepOne = async (directory: string): Promise<void> => {
    await killAll(directory);
    await removeGroup(directory, timers);
  };
  const sweepBase = async (base: string): Promise<void> => {
    const left = (await groupsOf(base, owner)).filter((name) => !names.isOwn(name));
    await Promise.all(left.map((name) => sweepOne(join(base, name))));
  };
  await Promise.all([...bases].map(sweepBase));
}

/** Most are dead: who keeps trees has ended them. */
async function killAll(directory: string): Promise<void> {
  const text = await readFile(join(directory, "cgroup.procs"), "utf8").catch(() => "");
  for (const pid of text.split("\n").map(Number)) {
    // What cannot be seen from here is listed as 0, which would be this process itself.
    if (pid === 0) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}
