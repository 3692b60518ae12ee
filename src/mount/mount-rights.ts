/** Whether this process may mount for the whole machine. */
import { readFileSync } from "node:fs";

/** The number of CAP_SYS_ADMIN. */
const SYS_ADMIN = 21n;

/** Whether the text of `/proc/PID/status` says that the process has CAP_SYS_ADMIN. */
export function hasSysAdmin(status: string): boolean {
  const [, mask = "0"] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  return ((BigInt(`0x${mask}`) >> SYS_ADMIN) & 1n) === 1n;
}

/** False also where the kernel does not tell. */
export function mayMount(): boolean {
  try {
    return hasSysAdmin(readFileSync("/proc/self/status", "utf8"));
  } catch {
    return false;
  }
}
