/** A replica's log as an onlooker remembers it: everything since it began, or since its last snapshot. */
import { crc32 } from "node:zlib";
import type { ConfigStep, Entry } from "../../../src/raft/types.ts";

export interface LogPlace {
  readonly term: number;
  readonly content: string;
  /** Steps of a membership change. */
  readonly changes: readonly ConfigStep[];
}

/** Before it lies what the state stands for. */
export interface LogStart {
  readonly index: number;
  readonly term: number;
}

export class LogMirror {
  readonly start: LogStart;
  readonly #places: LogPlace[];

  constructor(start: LogStart, places: readonly LogPlace[] = []) {
    this.start = start;
    this.#places = [...places];
  }

  get lastIndex(): number {
    return this.start.index + this.#places.length;
  }

  at(index: number): LogPlace | undefined {
    return this.#places[index - this.start.index - 1];
  }

  /** Also of the start; undefined before it and beyond the end. */
  termAt(index: number): number | undefined {
    return index === this.start.index ? this.start.term : this.at(index)?.term;
  }

  /** Whether the entry is here, or in the state that the log goes on from. */
  covers(index: number, term: number | undefined): boolean {
    return index <= this.start.index || this.at(index)?.term === term;
  }

  /** `entries` were written: they replace what stood at their places and beyond. */
  extend(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#places.length = Math.min(this.#places.length, first.index - this.start.index - 1);
    for (const entry of entries) {
      const changes = entry.kind === "config" ? entry.change.changes : [];
      this.#places.push({ term: entry.term, content: contentOf(entry), changes });
    }
  }

  copy(): LogMirror {
    return new LogMirror(this.start, this.#places);
  }
}

function contentOf(entry: Entry): string {
  switch (entry.kind) {
    case "normal":
      return `${entry.data.length} ${crc32(entry.data)}`;
    case "empty":
      return "empty";
    case "config":
      return JSON.stringify(entry.change.changes);
  }
}
