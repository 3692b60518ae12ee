/** Content that is being written: in memory while it is small, else on the local disk. */
import type { StagedContent, Staging } from "./staging.ts";

/** Bytes of all contents of a mount that are staged in memory; what is more goes to the disk. */
export const STAGED_BYTES_MAX = 16 << 20;

/** Room that the first bytes of a content are given. */
const FIRST_BYTES = 4096;

/** Room in memory that the staged contents of one mount share. */
export class StagingMemory {
  #bytes = 0;

  /** Takes room for a content that has `before` bytes of it. False where there is none. */
  take(bytes: number, before: number): boolean {
    if (this.#bytes - before + bytes > STAGED_BYTES_MAX) return false;
    this.#bytes += bytes - before;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Where content is staged. */
export interface StagingPlace {
  readonly memory: StagingMemory;
  /** Up to so many bytes of one content are kept in memory. */
  readonly memoryBytesMax: number;
  /** Whether what is on the disk is a file for each piece. */
  readonly inPieces: boolean;
  /** Nothing, on the disk. @throws {Error} of the disk */
  readonly onDisk: () => Staging;
}

export class StagedData implements Staging {
  readonly #place: StagingPlace;
  /** All of it, while it is in memory; zeros behind the end. */
  #data = Buffer.alloc(0);
  #disk: Staging | undefined;
  #bytes = 0;

  /** Nothing. */
  constructor(place: StagingPlace) {
    this.#place = place;
  }

  get inPieces(): boolean {
    return this.#place.inPieces;
  }

  get bytes(): number {
    return this.#disk?.bytes ?? this.#bytes;
  }

  /** A copy of the content, where it is in memory. */
  data(): Uint8Array<ArrayBuffer> | undefined {
    return this.#disk === undefined
      ? Uint8Array.from(this.#data.subarray(0, this.#bytes))
      : undefined;
  }

  write(data: Uint8Array, at: number): void {
    const end = at + data.length;
    if (this.#hasRoom(end)) {
      this.#data.set(data, at);
      this.#bytes = Math.max(this.#bytes, end);
    } else this.#toDisk().write(data, at);
  }

  read(range: { readonly at: number; readonly length: number }): Uint8Array {
    if (this.#disk !== undefined) return this.#disk.read(range);
    const end = Math.min(range.at + range.length, this.#bytes);
    return Uint8Array.from(this.#data.subarray(Math.min(range.at, end), end));
  }

  truncate(bytes: number): void {
    if (this.#hasRoom(bytes)) {
      if (bytes < this.#bytes) this.#data.fill(0, bytes, this.#bytes);
      this.#bytes = bytes;
    } else this.#toDisk().truncate(bytes);
  }

  give(at: number, length: number): StagedContent {
    return this.#toDisk().give(at, length);
  }

  whole(): StagedContent {
    return this.#toDisk().whole();
  }

  settled(): void {
    this.#disk?.settled();
  }

  letGo(): void {
    this.#forget();
    this.#disk?.letGo();
  }

  remove(): void {
    this.#forget();
    this.#disk?.remove();
  }

  /** Whether so many bytes are, or may be, in memory; then there is room for them. */
  #hasRoom(bytes: number): boolean {
    const { memory, memoryBytesMax } = this.#place;
    if (this.#disk !== undefined || bytes > memoryBytesMax) return false;
    const before = this.#data.length;
    if (bytes <= before) return true;
    const room = Math.min(memoryBytesMax, Math.max(FIRST_BYTES, 2 * before, bytes));
    if (!memory.take(room, before)) return false;
    const data = Buffer.alloc(room);
    data.set(this.#data);
    this.#data = data;
    return true;
  }

  #toDisk(): Staging {
    if (this.#disk !== undefined) return this.#disk;
    const disk = this.#place.onDisk();
    try {
      if (this.#bytes > 0) disk.write(this.#data.subarray(0, this.#bytes), 0);
    } catch (error) {
      disk.remove();
      throw error;
    }
    this.#forget();
    this.#disk = disk;
    return disk;
  }

  #forget(): void {
    this.#place.memory.giveBack(this.#data.length);
    this.#data = Buffer.alloc(0);
  }
}
