/**
 * What ends work on an object, always with a code: an error of the machine is this object's trouble, and must
 * not be taken for a mistake in the program, which would end everything else of the node as well.
 */
import { AssertionError } from "../std/assert.ts";
import { isJobxError } from "../std/errors.ts";
import { ObjectError, saying } from "./errors.ts";

/** What the system says where there is no room to write. */
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/**
 * `error` where it has a code or is a mistake in the program; else `OBJECT_NO_ROOM` for a full disk or quota
 * and `OBJECT_FETCH_FAILED` for all other errors of the machine.
 */
export function codedError(error: unknown, object: string): unknown {
  if (isJobxError(error) || error instanceof AssertionError) return error;
  const isFull = error instanceof Error && "code" in error && FULL.has(error.code);
  if (isFull) return noRoom(object, "the disk is full", error);
  const details = { code: "OBJECT_FETCH_FAILED", object } as const;
  const message = `${object} cannot be fetched: ${saying(error)}`;
  return new ObjectError(details, message, { cause: error });
}

/** As `codedError`; after an abort it is what the abort was given for, whatever broke off through it. */
export function endOf(
  error: unknown,
  of: { readonly object: string; readonly signal: AbortSignal },
): unknown {
  const reason: unknown = of.signal.reason;
  return of.signal.aborted && isJobxError(reason) ? reason : codedError(error, of.object);
}

/** What is yielded, with a code for what breaks it off. */
export async function* coded<T>(
  records: AsyncIterable<T>,
  of: Parameters<typeof endOf>[1],
): AsyncGenerator<T, void, undefined> {
  try {
    yield* records;
  } catch (error) {
    throw endOf(error, of);
  }
}

/** @returns `OBJECT_NO_ROOM`. */
export function noRoom(object: string, why: string, cause?: unknown): ObjectError {
  const details = { code: "OBJECT_NO_ROOM", object } as const;
  return new ObjectError(details, `${object} does not fit here: ${why}`, { cause });
}
