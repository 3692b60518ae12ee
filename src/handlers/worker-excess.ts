/** Why a call did not end well, where that was a limit: by what the kernel has counted, and how it ended. */
import type { Language, WorkerExit } from "../wire/dataset.ts";
import type { OutputTail } from "./output-tail.ts";
import type { WorkerCage } from "./worker-cage.ts";
import type { CallEnd } from "./worker-call.ts";
import { PROCESSORS } from "./worker-languages.ts";
import type { WorkerMemory } from "./worker-memory.ts";

type Exited = Extract<CallEnd, { kind: "exited" }>;
type Failed = Extract<CallEnd, { kind: "failed" }>;
type Excess = Extract<CallEnd, { kind: "memory" | "pids" | "disk" }>;

/** What is asked of the worker. */
interface Seen {
  readonly cage: WorkerCage;
  readonly memory: WorkerMemory;
  readonly language: Language;
  readonly stderr: OutputTail;
}

/** What programs of many languages say when the kernel makes no more processes or threads for them. */
const NO_PROCESS =
  /EAGAIN|Resource temporarily unavailable|can't start new thread|[Cc]annot fork|[Ff]ork failed|ERR_WORKER_INIT_FAILED/;

/** When a file must not grow. */
const NO_LARGER = /EFBIG|File too large|File size limit exceeded|SIGXFSZ|\[Errno 27\]/;

/** The end of a process, as a call sees it. */
export function exitedBy(exit: WorkerExit | undefined): Exited {
  if (exit === undefined) return { kind: "exited", exitCode: null, signal: null };
  return exit.kind === "code"
    ? { kind: "exited", exitCode: exit.code, signal: null }
    : { kind: "exited", exitCode: null, signal: exit.signal };
}

/**
 * The limit that ended a call or made it fail, if one did. A handler that lived with a process less than it
 * wanted is not told that by a later failure: its words must say so as well, or its end by that signal.
 */
export function reasonOf(end: Exited | Failed, worker: Seen): Excess | undefined {
  const { cage, memory } = worker;
  const refused = cage.groups.refused();
  const text = end.kind === "failed" ? `${end.message}\n${end.traceback}` : worker.stderr.text();
  const limitBytes = memory.limitBytes;
  if (refused.memory && limitBytes !== undefined && isByMemory(end)) {
    const usedBytes = Math.max(cage.groups.peakBytes, memory.usedBytes);
    return { kind: "memory", usedBytes, limitBytes, by: cage.groups.memoryBy };
  }
  if (refused.pids && NO_PROCESS.test(text)) return { kind: "pids", limit: cage.pids };
  if (cage.diskBytes === undefined) return undefined;
  const isTooLarge = end.kind === "failed" ? NO_LARGER.test(text) : end.signal === "SIGXFSZ";
  return isTooLarge ? { kind: "disk", limitBytes: cage.diskBytes } : undefined;
}

/** The kernel kills one process at a time; where that was not the worker, the handler has failed by it. */
function isByMemory(end: Exited | Failed): boolean {
  return end.kind === "failed" || end.signal === "SIGKILL" || end.exitCode !== 0;
}

/** A JavaScript engine that may have no more heap ends by itself, before its process is over its limit. */
export function heapFull(end: Exited, worker: Seen): Excess | undefined {
  if (!PROCESSORS[worker.language].isEngine) return undefined;
  const full = worker.memory.heapFull(end.signal, worker.stderr.text());
  return full === undefined ? undefined : { kind: "memory", ...full };
}

/** Looks at what a worker uses: one file where the kernel sees to it, else some for each process. */
export async function useOf(
  { cage, memory }: Seen,
  processesOf: () => readonly number[],
): Promise<Excess | undefined> {
  const held = cage.groups.heldBytes(memory.limitBytes);
  if (held !== undefined) memory.told(held);
  if (held !== undefined && cage.groups.countsProcesses) return undefined;
  const processes = processesOf();
  const excess = held === undefined ? await memory.look(processes) : undefined;
  if (excess !== undefined) return { kind: "memory", ...excess };
  return cage.isCrowded(processes) ? { kind: "pids", limit: cage.pids } : undefined;
}
