/**
 * One stream of a running attempt as its reader has it: parts of it while the attempt runs, then what is
 * stored of it at its end, nothing twice and nothing lost unseen. Pure.
 *
 * M1. `place` counts bytes from the beginning of the stream: all before it were told, or said to be left
 *     out.
 * M2. What is stored is the end of the stream, after a line that says how many bytes are missing before
 *     it. A handler may print such a line too; so where it overlaps with what was told, the two are
 *     compared before anything is taken for told.
 */
import type { OutputText } from "../api/attempt-view.ts";

/** What is remembered of what was told, bytes: as much as nodes store. */
const TOLD_BYTES_MAX = 64 * 1024;

/** How nodes begin a text whose beginning was not kept. */
const MISSING = /^\[(?<bytes>[0-9]{1,15}) bytes before this were not kept\]\n/u;

/** Told before what may have been told already. */
const AGAIN = "[as it is stored, perhaps told before]\n";

/** What is to be told next. */
export interface Piece {
  /** Where it begins. */
  readonly from: number;
  /** Bytes before it that are not known any more. */
  readonly leftOut: number;
  readonly text: string;
}

/** The state of one stream. */
export class StreamMerge {
  #place = 0;
  /** The bytes just before the place. */
  #told: Uint8Array = new Uint8Array();

  /** M1: where the next part is wanted. */
  get place(): number {
    return this.#place;
  }

  /** A part that was asked for from the place on. */
  live(part: OutputText): Piece {
    const leftOut = Math.max(0, part.from - this.#place);
    const bytes = new TextEncoder().encode(part.text);
    const before = leftOut > 0 ? new Uint8Array() : this.#told;
    const told = new Uint8Array(before.length + bytes.length);
    told.set(before);
    told.set(bytes, before.length);
    this.#told = told.slice(-TOLD_BYTES_MAX);
    this.#place = Math.max(this.#place, part.to);
    return { from: part.from, leftOut, text: part.text };
  }

  /** What is stored of the stream, when no part of it comes any more. */
  stored(text: string): Piece {
    const from = this.#place;
    if (from === 0 || text === "") return { from, leftOut: 0, text };
    const whole = this.#restOf(text, 0);
    if (whole !== undefined) return { from, leftOut: 0, text: whole };
    const head = MISSING.exec(text);
    if (head !== null) {
      const start = Number(head.groups?.["bytes"]);
      const body = text.slice(head[0].length);
      if (start >= from) return { from: start, leftOut: start - from, text: body };
      const rest = this.#restOf(body, start);
      if (rest !== undefined) return { from, leftOut: 0, text: rest };
    }
    return { from, leftOut: 0, text: AGAIN + text };
  }

  /** What follows the place in a text that begins at `start`; undefined when it is not what was told. */
  #restOf(text: string, start: number): string | undefined {
    const at = start - (this.#place - this.#told.length);
    if (at < 0) return undefined;
    // Cut where the stored text is cut, also in the middle of a character.
    const overlap = new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.#told.subarray(at));
    return text.startsWith(overlap) ? text.slice(overlap.length) : undefined;
  }
}
