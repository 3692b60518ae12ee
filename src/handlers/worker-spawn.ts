/** The process of a worker: its environment, and its pipes. */
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { join } from "node:path";
import type { WorkerExit } from "../wire/dataset.ts";
import { MARK_VARIABLE } from "./process-table.ts";
import type { WorkerCommand } from "./worker-languages.ts";

/** Starts a worker in a session of its own, with pipes for prints and for the protocol. */
export function spawnWorker(options: {
  readonly command: WorkerCommand;
  readonly directory: string;
  readonly mark: string;
}): ChildProcess {
  const { command, directory } = options;
  return spawn(command.file, command.args, {
    detached: true,
    cwd: directory,
    env: environmentOf(options),
    stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
  });
}

/** The pipe at a descriptor of the worker. */
export function pipeOf(child: ChildProcess, descriptor: 3 | 4): Socket {
  // There are no pipes when the machine has no descriptors left.
  const stdio: unknown = child.stdio;
  const stream: unknown = Array.isArray(stdio) ? stdio[descriptor] : undefined;
  if (!(stream instanceof Socket)) throw new Error("no pipe to the worker");
  return stream;
}

/** Nothing of the node's own environment: it may hold secrets. What a handler asks for comes in its cage only. */
function environmentOf(options: {
  readonly directory: string;
  readonly mark: string;
}): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: options.directory,
    LANG: "C.UTF-8",
    TMPDIR: join(options.directory, "tmp"),
    [MARK_VARIABLE]: options.mark,
  };
}

/** How a process ended, as the runtime tells it; undefined for one that never ran. */
export function workerExit(exitCode: number | null, signal: string | null): WorkerExit | undefined {
  if (signal !== null) return { kind: "signal", signal };
  // A status has eight bits.
  return exitCode === null ? undefined : { kind: "code", code: exitCode & 0xff };
}
