/** Records about batches and about the store itself, the same in both databases. */
import { addHash64, HASH64_ZERO, type Hash64, hash64, subtractHash64 } from "../std/hash64.ts";
import { openRecord, RecordReader, RecordWriter } from "../wire/record-bytes.ts";
import { damagedError, versionError } from "./errors.ts";

const VERSION = 1;

/** What a database says of itself. */
export interface BaseRecord {
  /** Which `log/` or `state/` this is; the same as in the identity file beside it. */
  readonly storeId: string;
  /** Batches up to this number are in tables, and their sequence keys are gone. */
  readonly sequenceBase: number;
}

/** The base record for `key`. */
export function encodeBase(key: string, base: BaseRecord): Uint8Array {
  const writer = new RecordWriter();
  writer.text(base.storeId);
  writer.uint(base.sequenceBase);
  return writer.seal(key, VERSION);
}

/** @throws `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`. */
export function decodeBase(key: string, value: Uint8Array | undefined): BaseRecord {
  const reader = read(key, value);
  const base = { storeId: reader.text(), sequenceBase: reader.uint() };
  if (!reader.complete) throw damagedError("the base record", "its fields do not fit");
  return base;
}

/** A 64-bit sum for `key`. */
export function encodeSum(key: string, sum: Hash64): Uint8Array {
  const writer = new RecordWriter(16);
  writer.uint(sum.high);
  writer.uint(sum.low);
  return writer.seal(key, VERSION);
}

/** @throws `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`. */
export function decodeSum(key: string, value: Uint8Array): Hash64 {
  const reader = read(key, value);
  const sum = { high: reader.uint(), low: reader.uint() };
  if (!reader.complete) throw damagedError("a sequence record", "its fields do not fit");
  return sum;
}

function read(key: string, value: Uint8Array | undefined): RecordReader {
  if (value === undefined) throw damagedError(key, "the record is missing");
  const opened = openRecord(key, { value, versionMax: VERSION });
  if (opened.kind === "version-unknown") throw versionError(key, opened.version);
  if (opened.kind === "damaged") throw damagedError(key, "the checksum of a record does not fit");
  return new RecordReader(opened.content);
}

/** The sum of the hashes of some rows, kept while they change. */
export class RowSum {
  readonly #hashes = new Map<string, Hash64>();
  #sum: Hash64 = HASH64_ZERO;

  get sum(): Hash64 {
    return this.#sum;
  }

  /** The row under `key` is now `value`, or gone. */
  set(key: string, value: Uint8Array | undefined): void {
    const before = this.#hashes.get(key);
    if (before !== undefined) this.#sum = subtractHash64(this.#sum, before);
    if (value === undefined) {
      this.#hashes.delete(key);
      return;
    }
    const after = hash64(key, value);
    this.#hashes.set(key, after);
    this.#sum = addHash64(this.#sum, after);
  }
}
