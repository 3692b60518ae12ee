/** Which handlers can share a worker. */
import type { HandlerRef } from "../wire/dataset.ts";

/** What a worker is wanted for. */
export type WorkerNeed = Pick<
  HandlerRef,
  "name" | "language" | "version" | "memoryBytes" | "runtime"
>;

/**
 * What a worker is started by, as one text: it serves handlers of the same one only. `memoryBytes` is the
 * limit of the handler or else of the node; of the languages only JavaScript is told it at its start.
 */
export function workerKey(need: WorkerNeed, memoryBytes: number | undefined): string {
  const { language, runtime } = need;
  const parts: unknown[] = [language, language === "javascript" ? (memoryBytes ?? null) : null];
  if (runtime !== undefined) {
    const { cpuMillis, diskBytes, pids, isEnforced, sandbox, network, image, environment } =
      runtime;
    parts.push(cpuMillis, diskBytes, pids, isEnforced, sandbox, network, image);
    parts.push(Object.entries(environment));
  }
  return JSON.stringify(parts);
}
