/**
 * Content that is being written: a file on the local disk, until a volume has taken it over. Names, and
 * the mebibyte that the kernel writes at most, reach no further than its own caches: a way through another
 * thread would take longer than the call.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { StagedContent, Staging } from "./staging.ts";

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

export class StagingFile implements Staging {
  readonly inPieces = false;
  readonly path: string;
  readonly #fd: number;
  #bytes = 0;

  /** An empty one in `directory`, which only this server writes to. @throws {Error} of the disk */
  constructor(directory: string) {
    this.path = join(directory, randomUUID());
    this.#fd = openSync(this.path, FLAGS, 0o600);
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(data: Uint8Array, at: number): void {
    for (let done = 0; done < data.length; ) {
      done += writeSync(this.#fd, data, done, data.length - done, at + done);
    }
    this.#bytes = Math.max(this.#bytes, at + data.length);
  }

  read(range: { readonly at: number; readonly length: number }): Uint8Array {
    const length = Math.max(0, Math.min(range.length, this.#bytes - range.at));
    const data = Buffer.allocUnsafe(length);
    return data.subarray(0, readSync(this.#fd, data, 0, length, range.at));
  }

  truncate(bytes: number): void {
    ftruncateSync(this.#fd, bytes);
    this.#bytes = bytes;
  }

  give(): StagedContent {
    return this.whole();
  }

  whole(): StagedContent {
    return { kind: "file", path: this.path };
  }

  settled(): void {}

  letGo(): void {
    closeSync(this.#fd);
  }

  remove(): void {
    closeSync(this.#fd);
    rmSync(this.path, { force: true });
  }
}
