/** Values from outside: parsed without losing anything, or refused. */
import { assert } from "../std/assert.ts";
import { errorText, JobxError } from "../std/errors.ts";
import { checkExact, encodeKey } from "../std/ordered-key.ts";
import { type ApiErrorDetails, apiError } from "./errors.ts";
import { jsonMembers } from "./json-members.ts";
import type { Json } from "./ports.ts";

/** The code by which `std/ordered-key.ts` refuses what JSON would round. */
const KEY_NOT_EXACT = "KEY_NOT_EXACT";

/** @throws {JobxError} `API_JSON_INVALID` when `text` is not one JSON value. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (cause) {
    const reason = errorText(cause);
    throw apiError({ code: "API_JSON_INVALID", reason }, `not valid JSON: ${reason}`, { cause });
  }
}

/** UTF-8 text. @throws {JobxError} `API_JSON_INVALID` for bytes that are none; they are not replaced. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const reason = "the bytes are not UTF-8";
    throw apiError({ code: "API_JSON_INVALID", reason }, reason, { cause });
  }
}

/**
 * The body of a submission, with `arguments` as pairs: an object becomes a pair per member, in the
 * order of the text. Its shape is checked by the route's schema afterwards.
 * @throws {JobxError} `API_JSON_INVALID`.
 */
export function parseSubmission(text: string): unknown {
  const body = parseJson(text);
  if (!isMapping(body) || !isMapping(body["arguments"])) return body;
  // Of equal keys the last counts, as in the parsed object.
  const source = jsonMembers(text).findLast(({ key }) => key === "arguments");
  assert(source !== undefined, "a member of the parsed object is in its text");
  return { ...body, arguments: jsonToPairs(source.json) };
}

/** The pairs of a JSON object's text, which is valid. */
export function jsonToPairs(text: string): readonly (readonly [string, unknown])[] {
  return jsonMembers(text).map(({ key, json }) => [key, parseJson(json)]);
}

/**
 * States that pairs are what handlers may be given.
 * @throws {JobxError} `HANDLER_VALUE_NOT_EXACT` for integers beyond ±(2^53 - 1), infinities and lone
 * surrogates; `API_INPUT_INVALID` for what is no pair, an object in a key, and too many levels.
 */
export function checkPairs(
  pairs: readonly unknown[],
): asserts pairs is readonly (readonly [Json, Json])[] {
  pairs.forEach((pair, index) => {
    const path = `arguments[${index}]`;
    if (!Array.isArray(pair) || pair.length !== 2) throw inputError(path, "a pair [key, value]");
    checked(`${path}[0]`, () => encodeKey(pair[0]));
    checked(`${path}[1]`, () => checkExact(pair[1]));
  });
}

/** The rules of keys and values, told as errors of the caller's input. */
function checked(path: string, check: () => unknown): void {
  try {
    check();
  } catch (cause) {
    if (!(cause instanceof JobxError)) throw cause;
    if (cause.code !== KEY_NOT_EXACT) throw inputError(path, "what handlers take", cause);
    throw apiError(
      { code: "HANDLER_VALUE_NOT_EXACT", path },
      `${path}: ${cause.message}; pass it as text`,
      { cause },
    );
  }
}

/** Makes `API_INPUT_INVALID`: at `path` something else was expected. */
export function inputError(
  path: string,
  expected: string,
  cause?: Error,
): JobxError<ApiErrorDetails> {
  const reason = cause === undefined ? "" : `: ${cause.message}`;
  return apiError(
    { code: "API_INPUT_INVALID", path, expected },
    `${path}: expected ${expected}${reason}`,
    { cause },
  );
}

/** An object that is no list. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
