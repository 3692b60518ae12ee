/** Arguments of a job on the command line: `k=v`, `k:=JSON` and a file of JSON. */
import { apiError, isJobxError } from "../api/errors.ts";
import { checkPairs, isMapping, jsonToPairs, parseJson } from "../api/values.ts";
import { cliError } from "./errors.ts";

/** A pair as it is sent. */
export type Pair = readonly [unknown, unknown];

/**
 * `k=v` is the pair [k, "v"]; `k:=JSON` has a value of any type.
 * @throws {JobxError} `CLI_USAGE`, `HANDLER_VALUE_NOT_EXACT`.
 */
export function parsePair(word: string): Pair {
  const at = word.indexOf("=");
  const json = word[at - 1] === ":";
  const key = word.slice(0, json ? at - 1 : at);
  if (at < 1 || key === "") {
    throw usage(`expected key=text or key:=JSON, found '${word}'`);
  }
  const text = word.slice(at + 1);
  const pair = [key, json ? jsonValue(text, word) : text] as const;
  checkExactly([pair], json ? { text, where: `${key}:=` } : undefined);
  return pair;
}

/**
 * A JSON object: a pair for each member, in the order of the text; equal members are refused.
 * @throws {JobxError} `CLI_USAGE`, `HANDLER_VALUE_NOT_EXACT`.
 */
export function parsePairsText(text: string): readonly Pair[] {
  if (!isMapping(jsonValue(text, "--args"))) {
    throw usage("--args: expected a JSON object, a pair for each member");
  }
  const pairs = jsonToPairs(text);
  const keys = new Set<string>();
  for (const [key] of pairs) {
    // JSON parsers keep one of them; whoever wrote this file most likely did not mean both.
    if (keys.has(key)) {
      throw usage(
        `--args: the member ${JSON.stringify(key)} is there twice; equal keys can be given as key=text or key:=JSON`,
      );
    }
    keys.add(key);
  }
  checkExactly(pairs, { text, where: "--args: " });
  return pairs;
}

/**
 * As `checkPairs`; says which number of the text it was, as it was written.
 * @throws {JobxError} `HANDLER_VALUE_NOT_EXACT`, `API_INPUT_INVALID`.
 */
function checkExactly(
  pairs: readonly Pair[],
  given: { readonly text: string; readonly where: string } | undefined,
): void {
  try {
    checkPairs(pairs);
  } catch (cause) {
    const isRounded = isJobxError(cause) && cause.code === "HANDLER_VALUE_NOT_EXACT";
    const number = given && isRounded ? roundedNumber(given.text) : undefined;
    if (given === undefined || number === undefined) throw cause;
    throw apiError(
      { code: "HANDLER_VALUE_NOT_EXACT", path: given.where },
      `${given.where}${number} cannot be kept exactly: integers go to 9007199254740991 (2^53 - 1); pass it as text`,
      { cause },
    );
  }
}

/** The first number of a JSON text that is beyond what is kept exactly, as it is written there. */
function roundedNumber(text: string): string | undefined {
  let found: string | undefined;
  JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    const isRounded = typeof value === "number" && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER);
    if (isRounded) found ??= context?.source;
    return value;
  });
  return found;
}

function jsonValue(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw usage(`${where}: ${reason}`, cause);
  }
}

function usage(message: string, cause?: unknown): Error {
  return cliError({ code: "CLI_USAGE", command: "submit" }, message, { cause });
}
