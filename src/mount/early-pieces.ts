/**
 * Pieces of a file that is still written, given to the volume before it is closed: whoever writes from the beginning
 * to the end leaves whole pieces behind, and closing then takes only the last ones. What was given and is written to
 * again is given again at close or fsync. That a volume does not take a piece is nobody's error here: then the whole
 * is given at the end, and that is told.
 */
import type { EarlyContent } from "./ports.ts";
import { PIECE_BYTES, type StagedContent } from "./staging.ts";

/** Pieces that are given at once, where there are so many; shorter files are given whole. */
export const PIECES_AT_ONCE = 8;

/** Of one file: while one is stored the next is on its way. */
const UNDER_WAY_MAX = 2;

/** Where the pieces are that are given. */
export interface EarlySource {
  /** Each piece is a file of its own, which is given at no cost. */
  readonly inPieces: boolean;
  give(at: number, length: number): StagedContent;
}

/** Pieces from `first` up to but not including `end`, of a file of `bytes`. */
interface Range {
  readonly first: number;
  readonly end: number;
  readonly bytes: number;
}

export class EarlyPieces {
  readonly #staging: EarlySource;
  readonly #begin: () => Promise<EarlyContent | undefined>;
  #content: Promise<EarlyContent | undefined> | undefined;
  /** Pieces that the volume has, or will when nothing is under way any more, as they are now. */
  #given = new Set<number>();
  readonly #running = new Map<Promise<void>, Range>();
  /** Written up to here, from the beginning and in order, bytes. */
  #frontier = 0;
  /** All before it were given once or are not given ahead, pieces. */
  #next = 0;
  /** No piece from here on was given. */
  #highest = 0;
  #isOver = false;

  /** `begin` answers undefined where the volume takes only whole contents. */
  constructor(staging: EarlySource, begin: () => Promise<EarlyContent | undefined>) {
    this.#staging = staging;
    this.#begin = begin;
  }

  /** After a write to the file, which had `before` bytes until then. */
  wrote(write: { readonly at: number; readonly length: number; readonly before: number }): void {
    const { at, length, before } = write;
    // What lay between its end and this write are zeros now.
    this.#forget(Math.min(at, before), at + length);
    if (at <= this.#frontier) this.#frontier = Math.max(this.#frontier, at + length);
    this.#giveAhead();
  }

  /** The file, which had `before` bytes, has `bytes` now. */
  cut({ bytes, before }: { readonly bytes: number; readonly before: number }): void {
    this.#forget(Math.min(bytes, before), Math.max(bytes, before));
    this.#frontier = Math.min(this.#frontier, bytes);
    this.#next = Math.min(this.#next, Math.floor(bytes / PIECE_BYTES));
  }

  /** What is there was content before somebody wrote to it: only what comes behind it is given ahead. */
  holds(bytes: number): void {
    this.#frontier = bytes;
    this.#next = Math.floor(bytes / PIECE_BYTES);
  }

  /**
   * The content when the volume has all of its `bytes`, of which nothing is written meanwhile; undefined when it is to
   * be given whole. With `begins` a file of some pieces is given like this though nothing of it was yet: its next
   * fsync then gives only what changed. So is each of more than one piece where these are files.
   */
  async all(
    bytes: number,
    { begins }: { readonly begins: boolean },
  ): Promise<EarlyContent | undefined> {
    if (this.#isOver) return undefined;
    const isLong = this.#staging.inPieces
      ? bytes > PIECE_BYTES
      : begins && bytes >= PIECES_AT_ONCE * PIECE_BYTES;
    if (this.#content === undefined && !isLong) return undefined;
    // From here on nothing is given ahead, until more is written.
    this.#next = Math.floor(bytes / PIECE_BYTES);
    const given = this.#given;
    await this.#settled();
    for (const range of this.#missing(bytes)) {
      while (this.#running.size >= UNDER_WAY_MAX) await Promise.race(this.#running.keys());
      if (this.#given !== given) break;
      this.#give(range);
    }
    await this.#settled();
    const content = await this.#content;
    if (content?.isOver !== false || this.#given !== given) {
      this.#lost();
      return undefined;
    }
    return content;
  }

  /** Nothing is given any more. */
  end(): void {
    this.#isOver = true;
    this.#content?.then((content) => content?.end()).catch(() => undefined);
  }

  *#missing(bytes: number): Generator<Range, void, undefined> {
    const pieces = Math.ceil(bytes / PIECE_BYTES);
    for (let first = 0; first < pieces; first += 1) {
      let end = first;
      while (end < pieces && end - first < PIECES_AT_ONCE && !this.#given.has(end)) end += 1;
      if (end === first) continue;
      yield { first, end, bytes };
      first = end - 1;
    }
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#running.keys());
  }

  #giveAhead(): void {
    const bytes = this.#frontier;
    while (!this.#isOver && this.#running.size < UNDER_WAY_MAX) {
      const range = { first: this.#next, end: this.#next + PIECES_AT_ONCE, bytes };
      if (range.end * PIECE_BYTES > bytes || this.#isUnderWay(range)) return;
      this.#next = range.end;
      this.#give(range);
    }
  }

  /** The same piece twice at once: which of them counts nobody could say. */
  #isUnderWay({ first, end }: Range): boolean {
    return [...this.#running.values()].some((one) => one.first < end && first < one.end);
  }

  #give(range: Range): void {
    const given = this.#given;
    for (let piece = range.first; piece < range.end; piece += 1) given.add(piece);
    this.#highest = Math.max(this.#highest, range.end);
    const giving = this.#giveNow(range).catch(() => {
      if (this.#given === given) this.#lost();
    });
    const running = giving.then(() => {
      this.#running.delete(running);
      this.#giveAhead();
    });
    this.#running.set(running, range);
  }

  async #giveNow({ first, end, bytes }: Range): Promise<void> {
    this.#content ??= this.#begin();
    const content = await this.#content;
    if (content === undefined) {
      this.#isOver = true;
      return;
    }
    const at = first * PIECE_BYTES;
    const length = Math.min(end * PIECE_BYTES, bytes) - at;
    await content.put({ staged: this.#staging.give(at, length), at, length });
  }

  /** The volume did not take a piece, or has none of them any more. */
  #lost(): void {
    this.#content?.then((content) => content?.end()).catch(() => undefined);
    this.#content = undefined;
    this.#given = new Set();
    this.#highest = 0;
  }

  /** What was given of these bytes is not what is there now. */
  #forget(from: number, to: number): void {
    const end = Math.min(Math.ceil(to / PIECE_BYTES), this.#highest);
    for (let piece = Math.floor(from / PIECE_BYTES); piece < end; piece += 1) {
      this.#given.delete(piece);
    }
  }
}
