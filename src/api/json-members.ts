/**
 * The members of a JSON object in the order of the text. Parsed objects put keys that look like
 * numbers first and keep only the last of equal keys; arguments are pairs, so both would be lost.
 */
import { assert } from "../std/assert.ts";

/** A member of an object: its key, and its value as JSON text. */
export interface JsonMember {
  readonly key: string;
  readonly json: string;
}

/** `text` must be one valid JSON object: the caller has parsed it. Nesting costs no stack. */
export function jsonMembers(text: string): readonly JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipSpace(text, 0);
  assert(text[at] === "{", "members are read from an object");
  at = skipSpace(text, at + 1);
  while (text[at] === '"') {
    const keyEnd = stringEnd(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd));
    assert(typeof key === "string", "a key is a string");
    const valueStart = skipSpace(text, keyEnd) + 1;
    const valueEnd = findValueEnd(text, valueStart);
    members.push({ key, json: text.slice(valueStart, valueEnd) });
    if (text[valueEnd] !== ",") break;
    at = skipSpace(text, valueEnd + 1);
  }
  return members;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (" \t\n\r".includes(text[at] ?? "x")) at++;
  return at;
}

/** Position after the closing quote of the string that starts at `from`. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** Position of the `,` or `}` that ends the value at `from`. */
function findValueEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; ) {
    const char = text[at];
    if (char === '"') {
      at = stringEnd(text, at);
      continue;
    }
    if (depth === 0 && (char === "," || char === "}")) return at;
    if (char === "{" || char === "[") depth++;
    if (char === "}" || char === "]") depth--;
    at++;
  }
  return text.length;
}
