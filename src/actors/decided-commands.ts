/** What a workflow's leader has to tell apart among the commands that it proposes by itself. */
import type { Command, SchedulerCommand } from "../scheduler/commands.ts";
import type { WorkError } from "../scheduler/work.ts";

/** Commands that the dispatcher decides, and has to know of when they are refused. */
export function isSchedulers(command: Command): command is SchedulerCommand {
  const { kind } = command;
  return kind === "grant" || kind === "take-back" || kind === "due" || kind === "set-aside";
}

/** The failure of an attempt whose outcome would never get into the log. */
export function tooLarge(error: Error): WorkError {
  const message = `the attempt's outcome does not fit into the log: ${error.message}`;
  return { code: "COMMAND_TOO_LARGE", message, traceback: "", stdout: "", stderr: "" };
}

/** `Omit` of each member of a union by itself. */
export type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
