/** Content as the pairs that a mapper is given: its lines, records, rows or bytes, each under its number. */
import { checkExact, encodeKey } from "../std/ordered-key.ts";
import type { ObjectForm } from "../wire/objects.ts";
import { CsvReader } from "./csv.ts";
import { ObjectError } from "./errors.ts";

/** A pair as handlers are fed: key bytes, and the value as JSON. */
export interface ObjectRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Bytes of one line, record or row, which are in memory whole. */
export const LINE_BYTES_MAX: number = 2 * 1024 * 1024;

/** Bytes of each piece of `bytes`: a multiple of three, so that its text has no filling but at the end. */
export const PIECE_BYTES: number = 192 * 1024;

/** Pairs that are handed on together. */
const BATCH = 256;

/** Numbers of lines that are told of those that are no records. */
const TOLD_LINES = 3;

/** What was wrong with records. */
export class Malformed {
  count = 0;
  readonly #lines: number[] = [];

  /** The line is no record. */
  note(line: number): void {
    this.count += 1;
    if (this.#lines.length < TOLD_LINES) this.#lines.push(line);
  }

  /** A warning for people; undefined where all was well. */
  text(object: string): string | undefined {
    if (this.count === 0) return undefined;
    const more = this.count > this.#lines.length ? " and more" : "";
    const which = this.#lines.length === 1 ? "line" : "lines";
    const lines = this.count === 1 ? "1 line is" : `${this.count} lines are`;
    return `${object}: ${lines} no record and left out: ${which} ${this.#lines.join(", ")}${more}`;
  }
}

/**
 * The pairs of unpacked content. Lines are numbered from 1, pieces by their first byte; of `csv` the first row
 * names the fields of those that follow.
 * @throws {JobxError} `OBJECT_DAMAGED` for a line above `LINE_BYTES_MAX`; as `content`.
 */
export async function* recordsOf(
  content: AsyncIterable<Uint8Array>,
  of: {
    readonly form: Exclude<ObjectForm, "path">;
    readonly object: string;
    readonly malformed: Malformed;
  },
): AsyncGenerator<readonly ObjectRecord[], void, undefined> {
  let batch: ObjectRecord[] = [];
  for await (const record of eachOf(content, of)) {
    batch.push(record);
    if (batch.length < BATCH && of.form !== "bytes") continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function eachOf(
  content: AsyncIterable<Uint8Array>,
  of: Parameters<typeof recordsOf>[1],
): AsyncIterable<ObjectRecord> {
  switch (of.form) {
    case "lines":
      return lineRecords(content, of.object);
    case "ndjson":
    case "keyed":
      return jsonRecords(content, of);
    case "csv":
      return rowRecords(content, of.object);
    case "bytes":
      return byteRecords(content);
  }
}

/** The pair of a file's path. */
export function pathRecord(name: string, path: string): ObjectRecord {
  return { key: encodeKey(name), value: jsonBytes(path) };
}

async function* lineRecords(
  content: AsyncIterable<Uint8Array>,
  object: string,
): AsyncGenerator<ObjectRecord, void, undefined> {
  let line = 0;
  for await (const bytes of linesOf(content, object)) {
    line += 1;
    yield { key: encodeKey(line), value: jsonBytes(bytes.toString("utf8")) };
  }
}

async function* jsonRecords(
  content: AsyncIterable<Uint8Array>,
  of: {
    readonly form: ObjectForm;
    readonly object: string;
    readonly malformed: Malformed;
  },
): AsyncGenerator<ObjectRecord, void, undefined> {
  let line = 0;
  for await (const bytes of linesOf(content, of.object)) {
    line += 1;
    const text = bytes.toString("utf8");
    if (text.trim() === "") continue;
    try {
      yield of.form === "keyed" ? keyedRecord(text) : valueRecord(line, text);
    } catch {
      of.malformed.note(line);
    }
  }
}

/** @throws {Error} where the text is no JSON, or none that handlers take. */
function valueRecord(key: number | string, text: string): ObjectRecord {
  const value: unknown = JSON.parse(text);
  checkExact(value);
  return { key: encodeKey(key), value: jsonBytes(value) };
}

function keyedRecord(text: string): ObjectRecord {
  const at = text.search(/[\t ]/u);
  if (at <= 0) throw new Error("no id and separator");
  return valueRecord(text.slice(0, at), text.slice(at + 1));
}

async function* rowRecords(
  content: AsyncIterable<Uint8Array>,
  object: string,
): AsyncGenerator<ObjectRecord, void, undefined> {
  const reader = new CsvReader();
  let header: readonly string[] | undefined;
  let number = 0;
  const recordOf = (row: readonly string[]): ObjectRecord | undefined => {
    if (header === undefined) {
      header = row;
      return undefined;
    }
    number += 1;
    const names = header;
    const fields = row.map((field, at) => [names[at] ?? String(at + 1), field]);
    return { key: encodeKey(number), value: jsonBytes(Object.fromEntries(fields)) };
  };
  const decoder = new TextDecoder();
  for await (const chunk of content) {
    for (const row of reader.take(decoder.decode(chunk, { stream: true }))) {
      const record = recordOf(row);
      if (record !== undefined) yield record;
    }
    if (reader.heldLength > LINE_BYTES_MAX) throw tooLong(object);
  }
  for (const row of [...reader.take(decoder.decode()), ...reader.end()]) {
    const record = recordOf(row);
    if (record !== undefined) yield record;
  }
}

async function* byteRecords(
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<ObjectRecord, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let at = 0;
  const take = (bytes: Buffer): ObjectRecord => {
    const record = { key: encodeKey(at), value: jsonBytes(bytes.toString("base64")) };
    at += bytes.length;
    return record;
  };
  for await (const chunk of content) {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes < PIECE_BYTES) continue;
    let bytes = Buffer.concat(held);
    for (; bytes.length >= PIECE_BYTES; bytes = bytes.subarray(PIECE_BYTES)) {
      yield take(bytes.subarray(0, PIECE_BYTES));
    }
    held = [bytes];
    heldBytes = bytes.length;
  }
  if (heldBytes > 0) yield take(Buffer.concat(held));
}

/** Lines without their ends, whichever of the two usual ones. */
async function* linesOf(
  content: AsyncIterable<Uint8Array>,
  object: string,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of content) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      held.push(bytes.subarray(from, end));
      yield withoutReturn(held.length === 1 ? bytes.subarray(from, end) : Buffer.concat(held));
      held = [];
      heldBytes = 0;
      from = end + 1;
    }
    if (from === bytes.length) continue;
    held.push(bytes.subarray(from));
    heldBytes += bytes.length - from;
    if (heldBytes > LINE_BYTES_MAX) throw tooLong(object);
  }
  if (heldBytes > 0) yield withoutReturn(Buffer.concat(held));
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 13 ? line.subarray(0, -1) : line;
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}

function tooLong(object: string): ObjectError {
  const message = `${object} has a line of more than ${LINE_BYTES_MAX} bytes`;
  return new ObjectError({ code: "OBJECT_DAMAGED", object }, message);
}
