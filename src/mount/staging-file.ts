/** Content that is being written: a file on the local disk, until a volume has taken it over. */
import { randomUUID } from "node:crypto";
import { ftruncateSync, readSync, writeSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";

/** Up to so many bytes a call into the page cache is cheaper than a way through another thread. */
const SYNC_BYTES_MAX = 128 << 10;

export class StagingFile {
  readonly path: string;
  readonly #file: FileHandle;
  #bytes = 0;

  constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** An empty one in `directory`, which only this server writes to. */
  static async create(directory: string): Promise<StagingFile> {
    const path = join(directory, randomUUID());
    return new StagingFile(path, await open(path, "wx+", 0o600));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Writes all of `data`; what lies between is zero. @throws {Error} of the disk, such as ENOSPC. */
  async write(data: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const [left, place] = [data.length - done, at + done];
      const written =
        left <= SYNC_BYTES_MAX
          ? writeSync(this.#file.fd, data, done, left, place)
          : (await this.#file.write(data, done, left, place)).bytesWritten;
      done += written;
    }
    this.#bytes = Math.max(this.#bytes, at + data.length);
  }

  async read(range: { readonly at: number; readonly length: number }): Promise<Uint8Array> {
    const length = Math.max(0, Math.min(range.length, this.#bytes - range.at));
    const data = new Uint8Array(length);
    if (length === 0) return data;
    const bytesRead =
      length <= SYNC_BYTES_MAX
        ? readSync(this.#file.fd, data, 0, length, range.at)
        : (await this.#file.read(data, 0, length, range.at)).bytesRead;
    return data.subarray(0, bytesRead);
  }

  truncate(bytes: number): void {
    ftruncateSync(this.#file.fd, bytes);
    this.#bytes = bytes;
  }

  /** Somebody else has the file now, under whatever name. */
  async letGo(): Promise<void> {
    await this.#file.close();
  }

  async remove(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
  }
}
