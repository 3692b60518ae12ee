/**
 * Rows of all groups kept as values, so that a hot one is not decoded again and again; bounded in bytes
 * for the whole node, however many groups it has. Two halves, as in the store's `row-cache.ts`: what is
 * used moves to the young one, and when that is full it becomes the old one and the old one is forgotten.
 */

/** Rows that are kept as values, counted as `DecodedGroup.set` says. A value takes up to three times its bytes. */
export const DECODED_BYTES_MAX = 16 * 1024 * 1024;

/** Larger rows are decoded each time: they are read seldom. */
const DECODED_ROW_BYTES_MAX = 16 * 1024;

/** Rows that are not larger are decoded faster than they are kept: marks in an index, which hold nothing. */
const DECODED_ROW_BYTES_MIN = 8;

/** About what a row costs beside its bytes: its key, its place in a map, its object. */
const ROW_OVERHEAD_BYTES = 192;

/** Of one node. */
export class DecodedRows {
  readonly #halfBytes: number;
  readonly #groups = new Set<{ turn(): void }>();
  #youngBytes = 0;

  constructor(bytesMax: number = DECODED_BYTES_MAX) {
    this.#halfBytes = bytesMax / 2;
  }

  /** A place for a group's rows; `close` it when the group is gone. */
  group<R>(): DecodedGroup<R> {
    const group = new DecodedGroup<R>({
      took: (bytes) => this.#took(bytes),
      closed: () => {
        this.#groups.delete(group);
      },
    });
    this.#groups.add(group);
    return group;
  }

  #took(bytes: number): void {
    this.#youngBytes += bytes;
    if (this.#youngBytes <= this.#halfBytes) return;
    this.#youngBytes = 0;
    for (const group of this.#groups) group.turn();
  }
}

interface Kept<R> {
  readonly row: R;
  readonly bytes: number;
}

/** The rows of one group. */
export class DecodedGroup<R> {
  readonly #above: { readonly took: (bytes: number) => void; readonly closed: () => void };
  #young = new Map<string, Kept<R>>();
  #old = new Map<string, Kept<R>>();
  #closed = false;

  /** Use `DecodedRows.group`. */
  constructor(above: {
    readonly took: (bytes: number) => void;
    readonly closed: () => void;
  }) {
    this.#above = above;
  }

  /** Rows that are kept, for tests; one that is in both halves counts once. */
  get size(): number {
    return new Set([...this.#young.keys(), ...this.#old.keys()]).size;
  }

  /** The row, if it is kept. */
  get(key: string): R | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young.row;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#young.set(key, old);
    this.#above.took(old.bytes);
    return old.row;
  }

  /** Keeps a row whose encoded form has so many bytes, or forgets what was under its key. */
  set(key: string, row: R, encodedBytes: number): void {
    const fits = encodedBytes <= DECODED_ROW_BYTES_MAX && encodedBytes > DECODED_ROW_BYTES_MIN;
    if (!fits || this.#closed) {
      this.delete(key);
      return;
    }
    const kept = { row, bytes: encodedBytes + ROW_OVERHEAD_BYTES };
    const before = this.#young.get(key);
    this.#young.set(key, kept);
    this.#above.took(kept.bytes - (before?.bytes ?? 0));
  }

  /** Forgets a row. What it counted is given back when the halves change. */
  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Forgets all rows. */
  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  /** The young half becomes the old one. */
  turn(): void {
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** The group is gone: nothing is kept any more. */
  close(): void {
    this.#closed = true;
    this.clear();
    this.#above.closed();
  }
}
