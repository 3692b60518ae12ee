/**
 * Has the kernel kill a worker when the thread that started it ends, however it ends. A worker
 * watches for that itself as well, but its watching thread does not run while native code holds the
 * interpreter's lock, such as a regular expression that never comes to an end.
 *
 * D1: a node that dies before the signal is set would not be noticed by the kernel. Nothing of a
 * handler runs then: it comes only after the node has answered the worker's hello.
 */
import { spawn } from "node:child_process";
import type { WorkerCommand } from "./worker-languages.ts";

/** Of util-linux. It becomes the program that it starts, so that pid and parent stay. */
const SETPRIV = "/usr/bin/setpriv";
const SETPRIV_ARGS = ["--pdeathsig", "KILL", "--"];

let usable: Promise<boolean> | undefined;

/** The same program, dying with the thread that starts it where this machine has a way. */
export async function dyingWithStarter(command: WorkerCommand): Promise<WorkerCommand> {
  usable ??= works();
  if (!(await usable)) return command;
  return { file: SETPRIV, args: [...SETPRIV_ARGS, command.file, ...command.args] };
}

/** Other programs of that name do not know the option, and old ones not the signal. */
function works(): Promise<boolean> {
  const child = spawn(SETPRIV, [...SETPRIV_ARGS, process.execPath, "--version"], {
    stdio: "ignore",
  });
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}
