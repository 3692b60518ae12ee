/**
 * Keys of the rows of named units: capitals, which no other rows begin with. A unit's key is bytes and so
 * stands last, in hexadecimal, whose order is the order of the bytes. Names of specs have no slash.
 */
import { assert } from "../../std/assert.ts";
import { orderedNumber, readOrderedNumbers } from "../../std/ordered-text.ts";
import type { NamedRef, NamedState } from "./rows.ts";

const SIGN = 1n << 63n;
const ALL = (1n << 64n) - 1n;

/** 16 hexadecimal digits whose order is that of falling priorities; -0 is 0. */
export function priorityText(priority: number): string {
  assert(Number.isFinite(priority), "a priority is a finite number");
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, priority === 0 ? 0 : priority);
  const bits = view.getBigUint64(0);
  // As usual for floats: negative ones turn round, positive ones go above them; then all is reversed.
  const rising = (bits & SIGN) === 0n ? bits | SIGN : ~bits & ALL;
  return (~rising & ALL).toString(16).padStart(16, "0");
}

/** The priority that a text of `priorityText` stands for; not finite for texts that it never makes. */
export function priorityOf(text: string): number {
  const rising = ~BigInt(`0x${text}`) & ALL;
  const bits = (rising & SIGN) === 0n ? ~rising & ALL : rising & ~SIGN;
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

const HEX = "0123456789abcdef";

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX.charAt(byte >> 4) + HEX.charAt(byte & 15);
  return text;
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (const at of bytes.keys()) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
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
