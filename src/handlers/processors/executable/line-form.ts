/**
 * Keys and values as text in lines, and back. What is written is read back as it was: text stands as it
 * is where nothing else is written so, and everything else as JSON. Pure.
 */
import type { LineForm } from "../../../wire/worker-protocol.ts";
import { Fault } from "../javascript/javascript-fault.ts";

/** A line without its end as a pair; undefined for one that is no pair. */
export type LineReader = (line: string) => readonly [unknown, unknown] | undefined;

/** A pair as a line with its end. */
export type LineWriter = (key: unknown, value: unknown) => string;

export function lineReader(form: LineForm): LineReader {
  return form.codec === "ndjson" ? readJsonLine : (line) => readPair(line, form.separator);
}

export function lineWriter(form: LineForm): LineWriter {
  if (form.codec === "ndjson") return (key, value) => `${JSON.stringify([key, value])}\n`;
  const { separator } = form;
  return (key, value) => `${keyText(key, separator)}${separator}${textOf(value)}\n`;
}

/** The key ends where the separator is first; the value may contain it. */
function readPair(line: string, separator: string): readonly [unknown, unknown] | undefined {
  const end = line.indexOf(separator);
  if (end < 0) return undefined;
  return [meantBy(line.slice(0, end)), meantBy(line.slice(end + separator.length))];
}

function readJsonLine(line: string): readonly [unknown, unknown] | undefined {
  const found = parsed(line);
  if (!Array.isArray(found) || found.length !== 2) return undefined;
  const pair: readonly unknown[] = found;
  return [pair[0], pair[1]];
}

/** What begins otherwise is no JSON. */
const MAYBE_JSON = /^[-0-9"[{tfn]/u;

/**
 * What a text stands for: a number only in the form in which one is written (`7`, not `007` or a number that would
 * be rounded), true, false, null, and lists, objects and quoted texts as JSON; else the text itself.
 */
export function meantBy(text: string): unknown {
  if (!MAYBE_JSON.test(text)) return text;
  const value = parsed(text);
  if (value === undefined) return text;
  return typeof value === "number" && String(value) !== text ? text : value;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /[\n\r]/u.test(value) || meantBy(value) !== value ? JSON.stringify(value) : value;
}

/**
 * A text may be written as JSON, in which every character has an escape.
 * @throws {Fault} `HANDLER_ARGUMENT_INVALID` for a key that cannot be told from what follows.
 */
function keyText(key: unknown, separator: string): string {
  const text = textOf(key);
  // Its own end may be the beginning of a separator, too.
  if (`${text}${separator}`.indexOf(separator) === text.length) return text;
  if (typeof key !== "string") {
    const message = `the key ${text.slice(0, 100)} contains the separator; say \`codec: ndjson\``;
    throw new Fault("HANDLER_ARGUMENT_INVALID", message);
  }
  const first = separator.slice(0, 1);
  const escaped = `\\u${first.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(key).replaceAll(first, escaped);
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
