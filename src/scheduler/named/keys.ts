/**
 * Keys of the rows of named units: capitals, which no other rows begin with. A unit's key is bytes and so
 * stands last, in hexadecimal, whose order is the order of the bytes. Names of specs have no slash.
 */
import { assert } from "../../std/assert.ts";
import { orderedNumber, readOrderedNumbers } from "../../std/ordered-text.ts";
import type { NamedRef, NamedState } from "./rows.ts";

const SIGN = 0x80000000;

const number = new DataView(new ArrayBuffer(8));

/** 16 hexadecimal digits whose order is that of falling priorities; -0 is 0. */
export function priorityText(priority: number): string {
  assert(Number.isFinite(priority), "a priority is a finite number");
  number.setFloat64(0, priority === 0 ? 0 : priority);
  const high = number.getUint32(0);
  const low = number.getUint32(4);
  // As usual for floats: negative ones turn round, positive ones go above them; then all is reversed.
  if (high >= SIGN) return wordText(high) + wordText(low);
  return wordText(~high & ~SIGN) + wordText(~low);
}

function wordText(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

/** The priority that a text of `priorityText` stands for; not finite for texts that it never makes. */
export function priorityOf(text: string): number {
  const high = Number.parseInt(text.slice(0, 8), 16);
  const low = Number.parseInt(text.slice(8), 16);
  const negative = high >= SIGN;
  number.setUint32(0, negative ? high : ~high & ~SIGN);
  number.setUint32(4, negative ? low : ~low);
  return number.getFloat64(0);
}

/** The two hexadecimal digits of each byte. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function hex(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 1) text += HEX[bytes[at] ?? 0];
  return text;
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >>> 1);
  for (let at = 0; at < bytes.length; at += 1)
    bytes[at] = (digitOf(text, 2 * at) << 4) | digitOf(text, 2 * at + 1);
  return bytes;
}

/** Of a digit 0 to 9 or a to f. */
function digitOf(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code <= 0x39 ? code - 0x30 : code - 0x57;
}

/** Keys by kind of row. */
export const namedKeys = {
  unit: ({ spec, key }: NamedRef): string => `U/${spec}/${hex(key)}`,
  /** Ready units in the order of service. */
  ready: ({ spec, key }: NamedRef, priority: number): string =>
    `R/${spec}/${priorityText(priority)}/${hex(key)}`,
  /** Units that something happens to by itself at `dueMs`, the soonest first. */
  due: ({ spec, key }: NamedRef, dueMs: number): string =>
    `D/${orderedNumber(dueMs)}/${spec}/${hex(key)}`,
  /** Units by state, but for ready ones, which `ready` lists. */
  state: ({ spec, key }: NamedRef, state: NamedState): string => `S/${spec}/${state}/${hex(key)}`,
  counts: (spec: string): string => `C/${spec}`,
} as const;

/** Prefixes to scan. */
export const namedPrefixes = {
  unitsOf: (spec: string): string => `U/${spec}/`,
  readyOf: (spec: string): string => `R/${spec}/`,
  due: "D/",
  stateOf: (spec: string, state: Exclude<NamedState, "ready">): string => `S/${spec}/${state}/`,
} as const;

/** The unit and priority that a key of the ready index names. */
export function placeOfReadyKey(text: string): NamedRef & { readonly priority: number } {
  const [, spec = "", priority = "", key = ""] = text.split("/");
  return { spec, key: bytesOf(key), priority: priorityOf(priority) };
}

/** The unit and time that a key of the due index names. */
export function placeOfDueKey(text: string): NamedRef & { readonly dueMs: number } {
  const [, due = "", spec = "", key = ""] = text.split("/");
  const [dueMs = 0] = readOrderedNumbers(due, 0);
  return { spec, key: bytesOf(key), dueMs };
}
