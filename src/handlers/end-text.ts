/** How calls end that were not done, as codes and in words for people. */
import { sizeText } from "../wire/handler-metadata.ts";
import { HandlerFault, type HandlerFaultCode } from "./errors.ts";
import type { LeftBehind } from "./left-processes.ts";
import { type CallEnd, isStray } from "./worker-call.ts";

/** What ends an attempt. */
export type AttemptEnd = Exclude<CallEnd, { kind: "done" }> | LeftBehind;

/** A failure without what was printed. */
export interface EndText {
  readonly code: string;
  readonly message: string;
  readonly traceback: string;
}

/** Signals by which the system ends a program for what it has done itself. Others come from somebody. */
const OWN_SIGNALS: readonly string[] = [
  ...["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS", "SIGPIPE"],
  ...["SIGXCPU", "SIGXFSZ", "SIGALRM", "SIGSTKFLT"],
];

/** How a call that was not done failed. */
export function describeEnd(end: AttemptEnd): EndText {
  switch (end.kind) {
    case "failed":
      return { code: end.code, message: end.message, traceback: end.traceback };
    case "exited":
      return exitText(end);
    case "killed":
    case "unbegun":
      return fault("HANDLER_CRASHED", "the worker process was killed during the call");
    case "memory": {
      const { usedBytes, limitBytes, by } = end;
      const told = `used ${sizeText(usedBytes)} of ${sizeText(limitBytes)} that it may`;
      const who = by === undefined ? "" : `, and was ended by the kernel (${by})`;
      const todo = "give each call less to do, or allow more: `memory` in the handler's comment";
      return fault("HANDLER_MEMORY_EXCEEDED", `the handler ${told}${who}; ${todo}`);
    }
    case "pids": {
      const told = `wanted more than the ${end.limit} processes and threads that it may have`;
      const todo = "start fewer at once, or allow more: `pids` in the handler's comment";
      return fault("HANDLER_PROCESSES_EXCEEDED", `the handler ${told}; ${todo}`);
    }
    case "disk": {
      const told = `wrote a file larger than the ${sizeText(end.limitBytes)} that it may`;
      const todo = "write less, or allow more: `disk` in the handler's comment";
      return fault("HANDLER_DISK_EXCEEDED", `the handler ${told}; ${todo}`);
    }
    case "left": {
      const todo = "end what is started, or wait for it, before the call ends";
      return fault("HANDLER_LEFT_PROCESSES", `the handler left ${end.told}; ${todo}`);
    }
    case "protocol":
      return fault("HANDLER_PROTOCOL", end.reason);
    case "broken":
      return end.error instanceof HandlerFault
        ? fault(end.error.code, end.error.message)
        : fault("HANDLER_FAILED", String(end.error));
  }
}

function exitText(end: Extract<AttemptEnd, { kind: "exited" }>): EndText {
  if (isStray(end)) {
    return fault("HANDLER_STRAY_ERROR", "something threw outside of the handler's call");
  }
  const { exitCode, signal } = end;
  if (signal === null) {
    return fault(
      "HANDLER_CRASHED",
      `the worker process ended with code ${exitCode} during the call`,
    );
  }
  const message = `the worker process ended by signal ${signal} during the call`;
  return fault(OWN_SIGNALS.includes(signal) ? "HANDLER_CRASHED" : "HANDLER_KILLED", message);
}

function fault(code: HandlerFaultCode, message: string): EndText {
  return { code, message, traceback: "" };
}
