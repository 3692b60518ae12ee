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
  return [bootId(), pidSpace(), process.pid, ownStart()].join("/");
}

/**
 * Whether the process of a label is gone for certain: it is not there, or another one has its id. Of another
 * node's processes that cannot be seen from here nothing is known: those of another boot may be on another machine
 * that uses the same engine. `isOwn`: it was started by this node, of which there is one.
 */
export function isWorkerGone(label: string, options: { readonly isOwn: boolean }): boolean {
  const [boot = "", space = "", pid = "", start = ""] = label.split("/");
  if (!/^\d+$/.test(pid)) return false;
  // A node has its workers in its own boot and space: one that has another now was started anew.
  if (boot !== bootId() || space !== pidSpace()) return options.isOwn;
  const found = processAt(Number(pid));
  return found.kind === "gone" || (found.kind === "there" && found.start !== start);
}

function ownStart(): string {
  const own = processAt(process.pid);
  return own.kind === "there" ? own.start : "";
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

function pidSpace(): string {
  return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
}

/** A process as this one sees it. */
type SeenProcess =
  | { readonly kind: "there"; readonly start: string }
  /** There is none, or only what its parent has not been told of yet. */
  | { readonly kind: "gone" }
  /** It may be there: what tells of it cannot be read. */
  | { readonly kind: "unknown" };

/** `proc` is where the machine tells of its processes. */
export function processAt(pid: number, proc = "/proc"): SeenProcess {
  let text: string;
  try {
    text = readFileSync(`${proc}/${pid}/stat`, "latin1");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return { kind: code === "ENOENT" || code === "ESRCH" ? "gone" : "unknown" };
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  const start = fields[START_TIME_FIELD];
  if (state === "Z" || state === "X") return { kind: "gone" };
  return start === undefined ? { kind: "unknown" } : { kind: "there", start };
}
