/** What LevelDB and the operating system say, as errors of ours. */
import { closedError, damagedError, StoreError } from "./errors.ts";
import type { DatabaseName } from "./ports.ts";

/** `code` of an error or of the first cause that has one we know. */
function codesOf(error: unknown): { readonly codes: readonly string[]; readonly text: string } {
  const codes: string[] = [];
  const texts: string[] = [];
  // Level nests at most three deep; the bound only guards against a cycle.
  for (let depth = 0, at = error; depth < 8 && at instanceof Error; depth++, at = at.cause) {
    texts.push(at.message);
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
  }
  return { codes, text: texts.join(": ") };
}

/** The error of a database call as a `StoreError`. One that already is stays as it is. */
export function translate(name: DatabaseName, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { codes, text } = codesOf(error);
  const what = `the ${name} database`;
  const cause = { cause: error };
  if (codes.includes("LEVEL_LOCKED"))
    return new StoreError({ code: "STORE_LOCKED", what: name }, `${what} is in use`, cause);
  if (codes.includes("LEVEL_CORRUPTION")) return damagedError(what, text, cause);
  if (text.includes("does not exist (create_if_missing is false)"))
    return new StoreError({ code: "STORE_MISSING", what: name }, `${what} does not exist`, cause);
  if (codes.includes("LEVEL_DATABASE_NOT_OPEN") && !codes.includes("LEVEL_IO_ERROR"))
    return closedError(what);
  if (codes.includes("LEVEL_ITERATOR_NOT_OPEN") || codes.includes("LEVEL_SNAPSHOT_NOT_OPEN"))
    return closedError(what);
  return fileError(what, error);
}

/** The error of a call to the operating system as a `StoreError`. */
export function fileError(what: string, error: unknown): StoreError {
  const { codes, text } = codesOf(error);
  const cause = { cause: error };
  if (codes.includes("ENOSPC") || codes.includes("EDQUOT") || /no space left|quota/i.test(text))
    // What was written last is unknown until the store is opened anew, so that room alone does not help.
    return new StoreError(
      { code: "STORE_DISK_FULL", what },
      `no space is left for ${what}: make room and start the node again`,
      cause,
    );
  return new StoreError({ code: "STORE_IO", what }, `${what}: ${text}`, cause);
}
