/**
 * Rows that were read or written lately, bounded in bytes. Two halves: what is used moves to the
 * young one, and when that is full it becomes the old one and the old one is forgotten. So a row
 * that is used keeps its place at the cost of one map operation, and nothing is ever sorted.
 */
import { HASH64_ZERO, type Hash64, hash64 } from "../std/hash64.ts";

/** A row as it is known; `value` is undefined for one that is known not to exist. */
export interface CachedRow {
  readonly value: Uint8Array | undefined;
  /** The hash of the row, if somebody has needed it. */
  hash: Hash64 | undefined;
}

/**
 * What an entry costs beside its bytes, as measured: the key once more while it is two strings, its place
 * in a map, the row and its hash, and an array of bytes with the buffer below it.
 */
const ENTRY_OVERHEAD_BYTES = 448;

export class RowCache {
  readonly #halfBytes: number;
  #young = new Map<string, CachedRow>();
  #old = new Map<string, CachedRow>();
  #youngBytes = 0;
  #oldBytes = 0;

  /** @param bytesMax bound for keys, values and what an entry costs. */
  constructor(bytesMax: number) {
    this.#halfBytes = bytesMax / 2;
  }

  /** At most `bytesMax` and one row; an entry that is in both halves counts twice. */
  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  get(key: string): CachedRow | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, row: CachedRow): void {
    const before = this.#young.get(key);
    this.#young.set(key, row);
    this.#youngBytes +=
      (row.value?.length ?? 0) -
      (before === undefined ? -key.length - ENTRY_OVERHEAD_BYTES : (before.value?.length ?? 0));
    if (this.#youngBytes <= this.#halfBytes) return;
    this.#old = this.#young;
    this.#oldBytes = this.#youngBytes;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}

/** The hash of a row that is known; of one that does not exist, nothing. */
export function hashOf(rowKey: string, row: CachedRow): Hash64 {
  if (row.value === undefined) return HASH64_ZERO;
  row.hash ??= hash64(rowKey, row.value);
  return row.hash;
}
