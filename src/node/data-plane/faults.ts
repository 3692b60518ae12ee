/** Errors on their way between the threads: their class is lost there, their code must not be. */
import { isJobxError, JobxError } from "../../std/errors.ts";

/** An operating error as data. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * An operating error as data. What is none is a mistake in the program and is thrown again, which
 * ends the thread that made it.
 */
export function faultOf(error: unknown): Fault {
  if (!isJobxError(error)) throw error;
  const details = Object.fromEntries(Object.entries(error.details));
  return { code: error.code, message: error.message, details };
}

/** The error of a fault, with its code and details. */
export function errorOf(fault: Fault): JobxError {
  return new JobxError({ ...fault.details, code: fault.code }, fault.message);
}
