/** Which handlers can share a worker. */
import type { HandlerRef } from "../wire/dataset.ts";
import { PROCESSORS } from "./worker-languages.ts";

/** What a worker is wanted for. */
export type WorkerNeed = Pick<
  HandlerRef,
  "name" | "language" | "version" | "memoryBytes" | "runtime"
>;

/** True: the worker is started from the handler's own files, and serves that handler alone. */
export function needsProgram({ runtime }: WorkerNeed): boolean {
  return runtime?.main !== undefined || runtime?.protocol === "frames";
}

/**
 * What a worker is started by, as one text: it serves handlers of the same one only. `memoryBytes` is the
 * limit of the handler or else of the node.
 */
export function workerKey(need: WorkerNeed, memoryBytes: number | undefined): string {
  const { language, runtime } = need;
  const { isToldMemory } = PROCESSORS[language];
  const parts: unknown[] = [language, isToldMemory ? (memoryBytes ?? null) : null];
  if (runtime !== undefined) {
    const { cpuMillis, diskBytes, pids, isEnforced, sandbox, network, image, environment } =
      runtime;
    parts.push(cpuMillis, diskBytes, pids, isEnforced, sandbox, network, image);
    parts.push(Object.entries(environment));
    // What a handler leaves in its worker may hold its secrets.
    parts.push(runtime.secrets ?? [], runtime.unseals === true ? need.name : null);
  }
  if (needsProgram(need)) parts.push(need.name, need.version);
  return JSON.stringify(parts);
}
