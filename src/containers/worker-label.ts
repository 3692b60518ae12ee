/**
 * Labels of containers: whose they are, and which process looks after each. A container whose process is gone
 * is nobody's, whatever became of its node: that needs no memory of what was started, so it holds after any crash.
 */
import { readFileSync, readlinkSync } from "node:fs";

/** Labels that all containers have. */
export const LABELS = {
  cluster: "jobx.cluster",
  node: "jobx.node",
  attempt: "jobx.attempt",
  request: "jobx.request",
  invocation: "jobx.invocation",
  worker: "jobx.worker",
} as const;

/** Field of /proc/PID/stat, counted from the one after the program's name: when it began. */
const START_TIME_FIELD = 19;

/**
 * This process, so that no other one is ever taken for it: the machine's boot, the space of process ids, the
 * id, and the time of its start.
 */
export function ownWorkerLabel(): string {
  return [bootId(), pidSpace(), process.pid, startTime(process.pid) ?? ""].join("/");
}

/**
 * Whether the process of a label is gone for certain: it is not there, of an earlier boot, or another one has
 * its id. Of another node's processes that cannot be seen from here nothing is known. `isOwn`: it was started by
 * this node, of which there is one.
 */
export function isWorkerGone(label: string, options: { readonly isOwn: boolean }): boolean {
  const [boot = "", space = "", pid = "", start = ""] = label.split("/");
  if (!/^\d+$/.test(pid)) return false;
  if (boot !== bootId()) return true;
  // A node has its workers in its own space: one that has another now was started anew.
  if (space !== pidSpace()) return options.isOwn;
  return startTime(Number(pid)) !== start;
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

function pidSpace(): string {
  return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
}

/** Undefined when there is no such process, or only what its parent has not been told of yet. */
function startTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = ""] = fields;
    return state === "Z" || state === "X" ? undefined : fields[START_TIME_FIELD];
  } catch {
    return undefined;
  }
}
