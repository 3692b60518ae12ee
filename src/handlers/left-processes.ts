/**
 * Processes that a handler's call leaves running. They would use memory and processor time of calls to come, and
 * nobody would wait for what they do: so the call has failed, and they are killed with its worker.
 */
import { readFileSync } from "node:fs";
import type { Timers } from "../std/clock.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** A process that ends by itself so soon after its call was not left, milliseconds: a shell that is on its way. */
export const LEFT_GRACE_MS = 100;

/** Time between two looks in the meantime, milliseconds. */
const LOOK_AGAIN_MS = 5;

/** Of more the names are not told. */
const TOLD_MAX = 3;

/** A call was done and has left processes, which are gone by now, with their worker. */
export interface LeftBehind {
  readonly kind: "left";
  /** How many, and the names of some, for people. */
  readonly told: string;
}

/**
 * What is left of the calls that a worker has done, which must run nothing now. Costs a look into the system, and
 * some time only where there is something.
 */
export async function leftBehind(
  worker: Pick<WorkerProcess, "others" | "kill">,
  timers: Timers,
): Promise<LeftBehind | undefined> {
  let left = worker.others();
  for (let waitedMs = 0; left.length > 0; waitedMs += LOOK_AGAIN_MS) {
    if (waitedMs >= LEFT_GRACE_MS) break;
    await new Promise<void>((resolve) => {
      timers.after(LOOK_AGAIN_MS, resolve);
    });
    left = worker.others();
  }
  if (left.length === 0) return undefined;
  const told = describe(left);
  await worker.kill();
  return { kind: "left", told };
}

function describe(pids: readonly number[]): string {
  const names = pids.slice(0, TOLD_MAX).map((pid) => `${nameOf(pid)} (${pid})`);
  const more = pids.length > TOLD_MAX ? ", ..." : "";
  const many = pids.length === 1 ? "a process" : `${pids.length} processes`;
  return `${many}: ${names.join(", ")}${more}`;
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "?";
  }
}
