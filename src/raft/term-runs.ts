import { assert } from "../std/assert.ts";
import type { TermRun } from "./types.ts";

/**
 * The term of every index of a log, as runs of equal terms. There are as many runs as there were
 * elections since the last compaction, so the term of an entry that has left memory is always known.
 * The first run begins at the compaction point, whose own term is part of the log's knowledge.
 */
export class TermRuns {
  #runs: TermRun[];

  /** @param start the compaction point: the last index that is not in the log any more, and its term. */
  constructor(start: { readonly index: number; readonly term: number }) {
    this.#runs = [{ firstIndex: start.index, term: start.term }];
  }

  get lastTerm(): number {
    return this.#at(this.#runs.length - 1).term;
  }

  /** Index of the compaction point. */
  get firstIndex(): number {
    return this.#at(0).firstIndex;
  }

  /** The runs that begin above the compaction point, for whoever restores the log later. */
  get above(): readonly TermRun[] {
    return this.#runs.slice(1);
  }

  /** States the term of `index`, which must be the next one. */
  extend(index: number, term: number): void {
    const { lastTerm } = this;
    if (term === lastTerm) return;
    assert(term > lastTerm, `the term falls from ${lastTerm} to ${term} at index ${index}`);
    this.#runs.push({ firstIndex: index, term });
  }

  /** The term of `index`, which must not be below the compaction point nor beyond the log's end. */
  termAt(index: number): number {
    return this.#at(this.#runOf(index)).term;
  }

  /** The highest index at or below `index` whose term is at most `term`; the compaction point at least. */
  highestWithTermAtMost(index: number, term: number): number {
    let run = this.#runOf(index);
    if (this.#at(run).term <= term) return index;
    while (run > 0 && this.#at(run).term > term) run -= 1;
    if (this.#at(run).term > term) return this.firstIndex;
    return this.#at(run + 1).firstIndex - 1;
  }

  /** Forgets `index` and everything after it; it is above the compaction point. */
  truncateFrom(index: number): void {
    while (this.#runs.length > 1 && this.#at(this.#runs.length - 1).firstIndex >= index)
      this.#runs.pop();
  }

  /** Makes `index` the compaction point. */
  compact(index: number): void {
    const run = this.#runOf(index);
    const { term } = this.#at(run);
    this.#runs = [{ firstIndex: index, term }, ...this.#runs.slice(run + 1)];
  }

  /** Position of the last run that begins at or before `index`. */
  #runOf(index: number): number {
    let high = this.#runs.length - 1;
    // Nearly every question is about the newest term.
    if (this.#at(high).firstIndex <= index) return high;
    let low = 0;
    assert(this.#at(0).firstIndex <= index, `index ${index} lies below the compaction point`);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#at(middle).firstIndex <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #at(position: number): TermRun {
    const run = this.#runs[position];
    assert(run !== undefined, "a run of terms is asked for that does not exist");
    return run;
  }
}
