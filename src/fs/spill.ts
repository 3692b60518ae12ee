/**
 * Temporary runs: sorted pairs that did not fit into memory. A file of frames; a frame is the length
 * of its pairs and their part, 32 bits each, then pairs. Never synced: a crash makes them leftovers.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { assert } from "../std/assert.ts";
import { readUint32, writeUint32 } from "../std/bytes.ts";
import { RECORD_BYTES_MAX, RecordCursor } from "../wire/pairs.ts";
import { FsError, onDisk } from "./errors.ts";
import type { Chunk, ChunkSource } from "./merge.ts";

const FRAME_HEAD_BYTES = 8;
/** A frame ends when it has so many bytes of pairs, so that a read holds a few whole ones. */
const FRAME_BYTES = 64 * 1024;
/** One write or read: large enough that the system call costs nothing against the copying. */
const TRANSFER_BYTES = 256 * 1024;

/** A finished temporary run. */
export interface Spill {
  readonly path: string;
  /** What a reader of it holds at most, apart from a frame that spans two reads. */
  readonly memoryBytes: number;
}

/** Writes one temporary run; pairs come in the order of (part, key). */
export class SpillWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  #buffer = new Uint8Array(TRANSFER_BYTES + FRAME_BYTES);
  #length = 0;
  /** Where the open frame's head is; -1 when none is open. */
  #frame = -1;
  #partition = 0;
  #largest = 0;

  /** @throws {JobxError} `FS_DISK_FULL`, `FS_IO`. */
  static async create(path: string): Promise<SpillWriter> {
    return new SpillWriter({ path, file: await onDisk(path, () => open(path, "wx")) });
  }

  constructor(options: { readonly path: string; readonly file: FileHandle }) {
    this.#path = options.path;
    this.#file = options.file;
  }

  /** Whether `flush` is due before more is appended. */
  get full(): boolean {
    return this.#length >= TRANSFER_BYTES;
  }

  /** Copies the pair at `cursor`. */
  append(cursor: RecordCursor, partition: number): void {
    const length = cursor.recordEnd - cursor.recordStart;
    if (this.#frame < 0 || partition !== this.#partition) this.#beginFrame(partition);
    if (this.#length + length > this.#buffer.length) this.#grow(this.#length + length);
    cursor.copyTo(this.#buffer, this.#length);
    this.#length += length;
    this.#largest = Math.max(this.#largest, length);
    if (this.#length - this.#frame >= FRAME_BYTES) this.#endFrame();
  }

  async flush(): Promise<void> {
    this.#endFrame();
    const bytes = this.#buffer.subarray(0, this.#length);
    await onDisk(this.#path, async () => {
      let at = 0;
      while (at < bytes.length) at += (await this.#file.write(bytes, at)).bytesWritten;
    });
    this.#length = 0;
    if (this.#largest > TRANSFER_BYTES) {
      this.#buffer = new Uint8Array(TRANSFER_BYTES + FRAME_BYTES);
    }
  }

  /** Writes what is left. The file stays until somebody removes it. */
  async finish(): Promise<Spill> {
    await this.flush();
    await onDisk(this.#path, () => this.#file.close());
    return { path: this.#path, memoryBytes: Math.max(TRANSFER_BYTES, this.#largest) };
  }

  /** Closes and removes the file, after success and failure alike. */
  async discard(): Promise<void> {
    await onDisk(this.#path, async () => {
      await this.#file.close();
      await rm(this.#path, { force: true });
    });
  }

  #beginFrame(partition: number): void {
    this.#endFrame();
    if (this.#length + FRAME_HEAD_BYTES > this.#buffer.length) this.#grow(this.#length * 2);
    this.#frame = this.#length;
    this.#partition = partition;
    this.#length += FRAME_HEAD_BYTES;
  }

  #endFrame(): void {
    if (this.#frame < 0) return;
    const length = this.#length - this.#frame - FRAME_HEAD_BYTES;
    writeUint32(this.#buffer, this.#frame, length);
    writeUint32(this.#buffer, this.#frame + 4, this.#partition);
    this.#frame = -1;
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(needed);
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** Reads a temporary run. */
export class SpillSource implements ChunkSource {
  readonly cid = undefined;
  readonly #path: string;
  readonly #file: FileHandle;
  /** What was read, beginning at a place of the file where a frame begins. */
  #buffer = new Uint8Array(0);
  #at = 0;
  #filePlace = 0;

  static async open(path: string): Promise<SpillSource> {
    return new SpillSource({ path, file: await onDisk(path, () => open(path, "r")) });
  }

  constructor(options: { readonly path: string; readonly file: FileHandle }) {
    this.#path = options.path;
    this.#file = options.file;
  }

  async next(): Promise<Chunk | undefined> {
    if (!this.#has(FRAME_HEAD_BYTES)) {
      await this.#read(TRANSFER_BYTES);
      if (this.#buffer.length === 0) return undefined;
    }
    if (!this.#has(FRAME_HEAD_BYTES)) throw this.#cutShort();
    const length = readUint32(this.#buffer, this.#at);
    assert(length <= FRAME_BYTES + RECORD_BYTES_MAX, "a frame of our own is bounded");
    if (!this.#has(FRAME_HEAD_BYTES + length)) {
      await this.#read(Math.max(TRANSFER_BYTES, FRAME_HEAD_BYTES + length));
      if (!this.#has(FRAME_HEAD_BYTES + length)) throw this.#cutShort();
    }
    const start = this.#at + FRAME_HEAD_BYTES;
    const partition = readUint32(this.#buffer, this.#at + 4);
    this.#at = start + length;
    return { cursor: new RecordCursor(this.#buffer, { start, end: this.#at }), partition };
  }

  async close(): Promise<void> {
    await onDisk(this.#path, () => this.#file.close());
  }

  #has(length: number): boolean {
    return this.#at + length <= this.#buffer.length;
  }

  /** Into new memory each time: views of the old one may be in use. */
  async #read(length: number): Promise<void> {
    this.#filePlace += this.#at;
    this.#at = 0;
    const buffer = new Uint8Array(length);
    let filled = 0;
    await onDisk(this.#path, async () => {
      while (filled < length) {
        const place = this.#filePlace + filled;
        const { bytesRead } = await this.#file.read(buffer, filled, length - filled, place);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    });
    this.#buffer = buffer.subarray(0, filled);
  }

  #cutShort(): FsError {
    return new FsError(
      { code: "FS_IO", path: this.#path, errno: undefined },
      "a temporary run is shorter than it was written",
    );
  }
}
