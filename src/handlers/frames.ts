/** From stored pairs and groups to frames for a worker, and from a worker's records back to pairs. */
import { JobxError } from "../std/errors.ts";
import { checkExact, decodeKey, encodeKey } from "../std/ordered-key.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_RECORDS_MAX,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
} from "../wire/worker-protocol.ts";
import { HandlerFault } from "./errors.ts";
import type { GroupPart, PairRecord } from "./ports.ts";

/** Bytes of a fresh batch: most calls are small. It doubles as needed. */
const BATCH_BYTES_FIRST = 1024;

/** Bytes around a key and a value in a batch: brackets, commas, the mark for more. */
const RECORD_FRAME_BYTES = 16;

/** Collects records as JSON text in one frame. The values are JSON already and are copied. */
class BatchWriter {
  #bytes = Buffer.allocUnsafe(BATCH_BYTES_FIRST);
  #at = FRAME_HEADER_BYTES;
  #records = 0;

  get full(): boolean {
    return this.#records >= BATCH_RECORDS_MAX || this.#at >= BATCH_BYTES_MAX;
  }

  get empty(): boolean {
    return this.#records === 0;
  }

  /** True when a large value wants a frame of its own, so that its neighbours do not fill that up. */
  leavesNoRoomFor(valueBytes: number): boolean {
    return !this.empty && this.#at + valueBytes > BATCH_BYTES_MAX;
  }

  addPair(record: PairRecord): void {
    this.#open(record.key, record.value.length);
    this.#copy(record.value);
    this.#at += this.#bytes.write("]", this.#at, "latin1");
  }

  addGroup(
    key: Uint8Array,
    group: { readonly values: readonly Uint8Array[]; readonly last: boolean },
  ): void {
    const valueBytes = group.values.reduce((sum, value) => sum + value.length + 1, 2);
    this.#open(key, valueBytes);
    let before = "[";
    for (const value of group.values) {
      this.#at += this.#bytes.write(before, this.#at, "latin1");
      this.#copy(value);
      before = ",";
    }
    if (group.values.length === 0) this.#at += this.#bytes.write("[", this.#at, "latin1");
    this.#at += this.#bytes.write(group.last ? "]]" : "],1]", this.#at, "latin1");
  }

  /** The frame; the writer is empty afterwards. */
  take(): Uint8Array {
    this.#at += this.#bytes.write("]", this.#at, "latin1");
    const frame = this.#bytes.subarray(0, this.#at);
    frame.writeUInt32BE(this.#at - FRAME_HEADER_BYTES, 0);
    this.#bytes = Buffer.allocUnsafe(BATCH_BYTES_FIRST);
    this.#at = FRAME_HEADER_BYTES;
    this.#records = 0;
    return frame;
  }

  /** Begins a record, up to the comma after its key. */
  #open(key: Uint8Array, valueBytes: number): void {
    const text = JSON.stringify(decodeKey(key));
    // A character of JSON text takes at most three bytes.
    this.#reserve(text.length * 3 + valueBytes + RECORD_FRAME_BYTES);
    this.#at += this.#bytes.write(this.#records === 0 ? "[[" : ",[", this.#at, "latin1");
    this.#at += this.#bytes.write(text, this.#at, "utf8");
    this.#at += this.#bytes.write(",", this.#at, "latin1");
    this.#records++;
  }

  #copy(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #reserve(bytes: number): void {
    const wanted = this.#at + bytes;
    if (wanted > FRAME_BYTES_MAX) throw tooLarge();
    if (wanted <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

/** Told about what goes through, for warnings. */
export interface InputCount {
  records: number;
}

/**
 * Pairs as frames of batches.
 * @throws {JobxError} `HANDLER_VALUE_TOO_LARGE` when a pair is larger than a frame may be.
 */
export async function* pairFrames(
  batches: AsyncIterable<readonly PairRecord[]>,
  count: InputCount,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new BatchWriter();
  for await (const records of batches) {
    count.records += records.length;
    for (const record of records) {
      if (writer.leavesNoRoomFor(record.value.length)) yield writer.take();
      writer.addPair(record);
      if (writer.full) yield writer.take();
    }
  }
  if (!writer.empty) yield writer.take();
}

/**
 * Groups as frames of batches; long lists of values are spread over several records.
 * @throws {JobxError} `HANDLER_VALUE_TOO_LARGE` when a value is larger than a frame may be.
 */
export async function* groupFrames(
  batches: AsyncIterable<readonly GroupPart[]>,
  count: InputCount,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new BatchWriter();
  for await (const parts of batches) {
    count.records += parts.length;
    for (const part of parts) {
      for (const group of splitGroup(part)) {
        if (writer.leavesNoRoomFor(group.bytes)) yield writer.take();
        writer.addGroup(part.key, group);
        if (writer.full) yield writer.take();
      }
    }
  }
  if (!writer.empty) yield writer.take();
}

/** Pairs as frames, at once: for inputs that are in memory anyway. @throws {JobxError} as `pairFrames`. */
export function pairFramesOf(records: readonly PairRecord[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  const writer = new BatchWriter();
  for (const record of records) {
    if (writer.leavesNoRoomFor(record.value.length)) frames.push(writer.take());
    writer.addPair(record);
    if (writer.full) frames.push(writer.take());
  }
  if (!writer.empty) frames.push(writer.take());
  return frames;
}

/**
 * Pairs in any order as frames of groups in the order of their keys; the values of a key in the order
 * in which they came. @throws {JobxError} as `groupFrames`.
 */
export function groupFramesOf(records: readonly PairRecord[]): readonly Uint8Array[] {
  const sorted =
    records.length < 2
      ? records
      : records.toSorted((left, right) => Buffer.compare(left.key, right.key));
  const frames: Uint8Array[] = [];
  const writer = new BatchWriter();
  for (let first = 0; first < sorted.length; ) {
    const key = sorted[first]?.key ?? new Uint8Array(0);
    const values: Uint8Array[] = [];
    for (; first < sorted.length; first++) {
      const record = sorted[first];
      if (record === undefined || Buffer.compare(record.key, key) !== 0) break;
      values.push(record.value);
    }
    for (const group of splitGroup({ key, values, last: true })) {
      if (writer.leavesNoRoomFor(group.bytes)) frames.push(writer.take());
      writer.addGroup(key, group);
      if (writer.full) frames.push(writer.take());
    }
  }
  if (!writer.empty) frames.push(writer.take());
  return frames;
}

/** Some values of a group that go into one batch. */
interface GroupSlice {
  readonly values: readonly Uint8Array[];
  /** Of all values. */
  readonly bytes: number;
  readonly last: boolean;
}

/** A part cut where its values would make a batch too long. */
function* splitGroup(part: GroupPart): Generator<GroupSlice> {
  let bytes = 0;
  let first = 0;
  for (let at = 0; at < part.values.length; at++) {
    const length = part.values[at]?.length ?? 0;
    if (at > first && bytes + length > BATCH_BYTES_MAX) {
      yield { values: part.values.slice(first, at), bytes, last: false };
      first = at;
      bytes = 0;
    }
    bytes += length;
  }
  yield { values: first === 0 ? part.values : part.values.slice(first), bytes, last: part.last };
}

function tooLarge(): HandlerFault {
  const message = "a pair is larger than a frame may be";
  return new HandlerFault({ code: "HANDLER_VALUE_TOO_LARGE" }, message);
}

/**
 * Pairs as they are stored, from a batch of a mapper or reducer.
 * @throws {JobxError} `HANDLER_OUTPUT_INVALID` for what is no pair, `HANDLER_VALUE_NOT_EXACT` for
 * numbers and text that would not stay what they are.
 */
export function pairsOf(records: readonly unknown[]): PairRecord[] {
  return records.map((record) => {
    const [key, value] = keyAndValue(record);
    return { key: keyBytes(key), value: valueBytes(value) };
  });
}

/**
 * Pairs from a batch of a combiner: one for each value of its lists.
 * @throws {JobxError} as `pairsOf`; `HANDLER_OUTPUT_INVALID` also for a value that is no list.
 */
export function pairsOfLists(records: readonly unknown[]): PairRecord[] {
  return records.flatMap((record) => {
    const [key, values] = keyAndValue(record);
    if (!Array.isArray(values)) throw invalid("a combiner yields a key and a list of values");
    const bytes = keyBytes(key);
    return values.map((value: unknown) => ({ key: bytes, value: valueBytes(value) }));
  });
}

/** A session's entry, or a pair, as it is stored. @throws {JobxError} as `pairsOf`. */
export function pairOf(key: unknown, value: unknown): PairRecord {
  return { key: keyBytes(key), value: valueBytes(value) };
}

function keyAndValue(record: unknown): readonly [unknown, unknown] {
  if (!Array.isArray(record) || record.length !== 2) {
    throw invalid("something was yielded that is no pair of key and value");
  }
  const pair: readonly unknown[] = record;
  return [pair[0], pair[1]];
}

function keyBytes(key: unknown): Uint8Array {
  try {
    return encodeKey(key);
  } catch (thrown) {
    throw valueFault(thrown);
  }
}

function valueBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(checked(value)), "utf8");
}

function checked(value: unknown): unknown {
  try {
    checkExact(value);
    return value;
  } catch (thrown) {
    throw valueFault(thrown);
  }
}

function valueFault(thrown: unknown): unknown {
  if (!(thrown instanceof JobxError)) return thrown;
  return thrown.code === "KEY_NOT_EXACT"
    ? new HandlerFault({ code: "HANDLER_VALUE_NOT_EXACT" }, thrown.message, { cause: thrown })
    : invalid(thrown.message);
}

function invalid(message: string): HandlerFault {
  return new HandlerFault({ code: "HANDLER_OUTPUT_INVALID" }, message);
}
