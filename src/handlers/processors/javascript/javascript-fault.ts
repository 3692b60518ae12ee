import { JobxError } from "../../../std/errors.ts";
import type { HandlerFaultCode } from "../../errors.ts";

/** Something that the handler did wrong, with its code; may pass through the handler's own code. */
export class Fault extends Error {
  readonly code: HandlerFaultCode;

  constructor(code: HandlerFaultCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Longer messages and tracebacks are cut: their ends say what happened. In characters. */
const TEXT_LENGTH_MAX = 64 * 1024;

/** What a failed call tells its node. */
export interface FailureText {
  readonly code: HandlerFaultCode;
  readonly message: string;
  readonly traceback: string;
}

/** Describes whatever a handler threw. Never throws itself, whatever that was. */
export function describeFailure(thrown: unknown): FailureText {
  const text = (value: unknown): string => {
    try {
      return String(value);
    } catch {
      return "something that cannot be shown was thrown";
    }
  };
  const isError = thrown instanceof Error;
  const traceback = isError ? text(thrown.stack) : text(thrown);
  return {
    code: thrown instanceof Fault ? thrown.code : "HANDLER_FAILED",
    message: (thrown instanceof Fault ? thrown.message : text(thrown)).slice(0, TEXT_LENGTH_MAX),
    traceback: traceback.slice(0, TEXT_LENGTH_MAX),
  };
}

/** Turns what the checks of keys and values throw into the handler's fault. */
export function valueFault(thrown: unknown): Fault {
  const exact = thrown instanceof JobxError && thrown.code === "KEY_NOT_EXACT";
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Fault(exact ? "HANDLER_VALUE_NOT_EXACT" : "HANDLER_OUTPUT_INVALID", message);
}
