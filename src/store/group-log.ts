/**
 * What a node keeps in memory of one group's log on disk: its head, where each record lies, and the
 * term of every index. It says which operations a change takes; it writes nothing itself.
 *
 * G1. Records in `positions` ascend in first index and in write number alike, have no gap between
 *     them, and are all the records of the group in the database: a record that is covered whole
 *     by a later one is deleted in the same batch.
 * G2. Of two records that overlap, the one with the higher write number holds (R11).
 */

import type { Entry, HardState, ReplicaId, TermRun } from "../raft/types.ts";
import { assert } from "../std/assert.ts";
import { encodeEntries, type GroupHead } from "../wire/log-record.ts";
import { entriesKey, type GroupId } from "./log-keys.ts";
import type { KvOperation } from "./ports.ts";

/** Where a record of entries lies, and what of it still holds. */
export interface RecordPosition {
  readonly firstIndex: number;
  /** The last index that no later record took over. */
  lastIndex: number;
  readonly write: number;
  /** Length of the record's value. */
  readonly bytes: number;
}

/** What a load found out about a group. */
export interface GroupLogState {
  readonly head: GroupHead;
  readonly positions: RecordPosition[];
  /** Terms of the entries; the first run begins right after `head.start`. */
  readonly terms: TermRun[];
}

export class GroupLog {
  readonly #group: GroupId;
  #head: GroupHead;
  #positions: RecordPosition[];
  #terms: TermRun[];

  constructor(group: GroupId, state: GroupLogState) {
    this.#group = group;
    this.#head = state.head;
    this.#positions = state.positions;
    this.#terms = state.terms;
  }

  get head(): GroupHead {
    return this.#head;
  }

  /** Runs of terms above the start; for raft's restored state. */
  get terms(): readonly TermRun[] {
    return this.#terms;
  }

  /** The lowest index above which the records take at most `bytesMax`; the last one at least is above. */
  tailStart(bytesMax: number): number {
    let bytes = 0;
    for (let at = this.#positions.length - 1; at >= 0; at--) {
      const position = this.#positions[at];
      bytes += position?.bytes ?? 0;
      if (bytes > bytesMax && at < this.#positions.length - 1)
        return position?.lastIndex ?? this.#head.start.index;
    }
    return this.#head.start.index;
  }

  setHardState(hardState: HardState): void {
    assert(hardState.term >= this.#head.hardState.term, "a hard state's term does not fall");
    this.#head = { ...this.#head, hardState };
  }

  /** The term at `index`, from the start to the last one. */
  termAt(index: number): number {
    const { start, last } = this.#head;
    assert(index >= start.index && index <= last.index, `index ${index} is outside the log`);
    if (index === start.index) return start.term;
    return this.#terms[lastAtMost(this.#terms, index)]?.term ?? start.term;
  }

  /** Positions that together hold `index` and what follows it, up to `count` of them. */
  positionsFrom(index: number, count: number): readonly RecordPosition[] {
    const at = lastAtMost(this.#positions, index);
    return this.#positions.slice(Math.max(at, 0), Math.max(at, 0) + count);
  }

  /** Makes `entries` the log from the first one's index on. */
  append(entries: readonly Entry[]): readonly KvOperation[] {
    const first = entries[0];
    const last = entries.at(-1);
    assert(first !== undefined && last !== undefined, "an append has at least one entry");
    const { start } = this.#head;
    assert(
      first.index > start.index && first.index <= this.#head.last.index + 1,
      `entry ${first.index} leaves a gap or was truncated`,
    );
    const previousTerm = this.termAt(first.index - 1);
    const operations = this.#cutFrom(first.index);
    const write = this.#head.lastWrite + 1;
    const key = entriesKey(this.#group, { firstIndex: first.index, write });
    const previousWrite = this.#positions.at(-1)?.write ?? 0;
    const value = encodeEntries(key, { previousWrite, previousTerm, entries });
    operations.push({ kind: "put", key, value });
    const { length: bytes } = value;
    this.#positions.push({ firstIndex: first.index, lastIndex: last.index, write, bytes });
    extendTerms(this.#terms, { start, entries });
    this.#setEnd({ index: last.index, term: last.term }, write);
    return operations;
  }

  /**
   * Forgets entries up to `index`, at most `recordsMax` records of them.
   * @returns the operations, and the index that was reached.
   */
  truncatePrefix(
    index: number,
    recordsMax: number,
  ): { readonly operations: readonly KvOperation[]; readonly reached: number } {
    const { last } = this.#head;
    assert(
      index > this.#head.start.index && index <= last.index,
      "only what is there is truncated",
    );
    let covered = 0;
    while (
      covered < recordsMax &&
      covered < this.#positions.length &&
      (this.#positions[covered]?.lastIndex ?? 0) <= index
    )
      covered++;
    const next = this.#positions[covered];
    // The next record would be covered too, but is one too many for this batch.
    const stopped = next !== undefined && next.lastIndex <= index;
    const startIndex = stopped ? next.firstIndex - 1 : index;
    const start = { index: startIndex, term: this.termAt(startIndex) };
    const gone = this.#positions.splice(0, covered);
    const run = lastAtMost(this.#terms, start.index + 1);
    const term = this.#terms[run]?.term ?? start.term;
    this.#terms = this.#terms.slice(Math.max(run, 0) + 1);
    if (start.index < last.index) this.#terms.unshift({ firstIndex: start.index + 1, term });
    this.#head = { ...this.#head, start };
    this.#setEnd(last, this.#head.lastWrite);
    return { operations: gone.map((position) => this.#deletion(position)), reached: startIndex };
  }

  /** Empties the log; it goes on after `start`. */
  restart(start: { readonly index: number; readonly term: number }): readonly KvOperation[] {
    const operations = this.#positions.map((position) => this.#deletion(position));
    this.#positions = [];
    this.#terms = [];
    this.#head = { ...this.#head, start };
    this.#setEnd(start, this.#head.lastWrite);
    return operations;
  }

  /** Another replica goes on with nothing but a beginning (R8). */
  succeed(
    replica: ReplicaId,
    start: { readonly index: number; readonly term: number },
  ): readonly KvOperation[] {
    assert(replica > this.#head.replica, "a replica id is never used again");
    const operations = this.restart(start);
    const hardState = { term: start.term, vote: undefined, commit: start.index };
    this.#head = { ...this.#head, replica, hardState };
    return operations;
  }

  #cutFrom(index: number): KvOperation[] {
    const operations: KvOperation[] = [];
    for (;;) {
      const top = this.#positions.at(-1);
      if (top === undefined || top.firstIndex < index) {
        if (top !== undefined) top.lastIndex = Math.min(top.lastIndex, index - 1);
        break;
      }
      operations.push(this.#deletion(top));
      this.#positions.pop();
    }
    while ((this.#terms.at(-1)?.firstIndex ?? 0) >= index) this.#terms.pop();
    return operations;
  }

  #deletion(position: RecordPosition): KvOperation {
    return { kind: "del", key: entriesKey(this.#group, position) };
  }

  #setEnd(last: { readonly index: number; readonly term: number }, lastWrite: number): void {
    const oldest = this.#positions[0];
    this.#head = {
      ...this.#head,
      last,
      lastWrite,
      oldest:
        oldest === undefined
          ? { firstIndex: last.index + 1, write: lastWrite + 1 }
          : { firstIndex: oldest.firstIndex, write: oldest.write },
    };
  }
}

/** Adds the runs of `entries` to `terms`, whose first run must begin right after `start`. */
export function extendTerms(
  terms: TermRun[],
  from: { readonly start: { readonly index: number }; readonly entries: readonly Entry[] },
): void {
  for (const entry of from.entries) {
    if (entry.index <= from.start.index) continue;
    if (terms.at(-1)?.term !== entry.term)
      terms.push({ firstIndex: entry.index, term: entry.term });
  }
}

/** Place of the last item that begins at or before `index`; -1 when there is none. */
function lastAtMost(items: readonly { readonly firstIndex: number }[], index: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle]?.firstIndex ?? 0) <= index) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
