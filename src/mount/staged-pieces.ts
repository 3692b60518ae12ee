/**
 * Content that is being written, as a file for each MiB of it, for a volume on the same disk: it takes such files as
 * they are, so that nothing is written twice. A file that was given is never written to again: where its piece is
 * changed, it gets another.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { PIECE_BYTES, type StagedContent, type Staging } from "./staging.ts";

const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

interface Piece {
  readonly path: string;
  /** Of the file; what is missing to the piece is zeros. */
  bytes: number;
  isGiven: boolean;
}

export class StagedPieces implements Staging {
  readonly inPieces = true;
  readonly #directory: string;
  readonly #pieces = new Map<number, Piece>();
  /** Files that have been replaced; the volume may be about to take some. */
  #replaced: string[] = [];
  #open: { readonly piece: Piece; readonly fd: number } | undefined;
  #bytes = 0;

  /** Nothing, in `directory`, which only this server writes to. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(data: Uint8Array, at: number): void {
    for (let done = 0; done < data.length; ) {
      const [index, from] = [Math.floor((at + done) / PIECE_BYTES), (at + done) % PIECE_BYTES];
      const length = Math.min(data.length - done, PIECE_BYTES - from);
      const { piece, fd } = this.#writable(index, from === 0 ? length : 0);
      for (let wrote = 0; wrote < length; ) {
        wrote += writeSync(fd, data, done + wrote, length - wrote, from + wrote);
      }
      piece.bytes = Math.max(piece.bytes, from + length);
      done += length;
    }
    this.#bytes = Math.max(this.#bytes, at + data.length);
  }

  read(range: { readonly at: number; readonly length: number }): Uint8Array {
    const length = Math.max(0, Math.min(range.length, this.#bytes - range.at));
    const data = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const place = range.at + done;
      const from = place % PIECE_BYTES;
      const part = Math.min(length - done, PIECE_BYTES - from);
      const piece = this.#pieces.get(Math.floor(place / PIECE_BYTES));
      if (piece !== undefined) this.#readPiece(piece, from, data.subarray(done, done + part));
      done += part;
    }
    return data;
  }

  truncate(bytes: number): void {
    for (const [index, piece] of this.#pieces) {
      const left = bytes - index * PIECE_BYTES;
      if (left <= 0) {
        this.#pieces.delete(index);
        this.#replaced.push(piece.path);
      } else if (left < piece.bytes) this.#resize(index, left);
    }
    this.#bytes = bytes;
  }

  /** The files of these pieces, each as long as it is said: from now on nobody writes to them. */
  give(at: number, length: number): StagedContent {
    const paths: string[] = [];
    for (let done = 0; done < length; done += PIECE_BYTES) {
      const piece = this.#resize((at + done) / PIECE_BYTES, Math.min(PIECE_BYTES, length - done));
      if (this.#open?.piece === piece) this.#close();
      piece.isGiven = true;
      paths.push(piece.path);
    }
    return { kind: "pieces", paths };
  }

  whole(): StagedContent {
    if (this.#bytes > PIECE_BYTES) return this.give(0, this.#bytes);
    return { kind: "file", path: this.#resize(0, this.#bytes).path };
  }

  settled(): void {
    const paths = this.#replaced;
    this.#replaced = [];
    void removeAll(paths);
  }

  letGo(): void {
    this.remove();
  }

  remove(): void {
    this.#close();
    for (const { path } of this.#pieces.values()) this.#replaced.push(path);
    this.#pieces.clear();
    this.settled();
  }

  #readPiece(piece: Piece, from: number, into: Uint8Array): void {
    const length = Math.min(into.length, piece.bytes - from);
    if (length <= 0) return;
    const known = this.#open?.piece === piece ? this.#open.fd : undefined;
    const fd = known ?? openSync(piece.path, constants.O_RDONLY);
    try {
      readSync(fd, into, 0, length, from);
    } finally {
      if (known === undefined) closeSync(fd);
    }
  }

  /** The piece with a file of that length. */
  #resize(index: number, bytes: number): Piece {
    const known = this.#pieces.get(index);
    if (known?.bytes === bytes) return known;
    const { piece, fd } = this.#writable(index, 0);
    ftruncateSync(fd, bytes);
    piece.bytes = bytes;
    return piece;
  }

  /** A file that may be written to; of what was there `replaced` bytes from the beginning are not needed. */
  #writable(index: number, replaced: number): { readonly piece: Piece; readonly fd: number } {
    const known = this.#pieces.get(index);
    if (known !== undefined && this.#open?.piece === known) return this.#open;
    this.#close();
    if (known !== undefined && !known.isGiven) {
      this.#open = { piece: known, fd: openSync(known.path, constants.O_RDWR) };
      return this.#open;
    }
    const path = join(this.#directory, randomUUID());
    const isCopied = known !== undefined && known.bytes > replaced;
    if (isCopied) copyFileSync(known.path, path);
    const fd = openSync(path, isCopied ? constants.O_RDWR : NEW, 0o600);
    const piece = { path, bytes: isCopied ? known.bytes : 0, isGiven: false };
    this.#pieces.set(index, piece);
    if (known !== undefined) this.#replaced.push(known.path);
    this.#open = { piece, fd };
    return this.#open;
  }

  #close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }
}

/** One after the other: there may be many. The directory goes with the server, with whatever is left. */
async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await unlink(path).catch(() => undefined);
}
