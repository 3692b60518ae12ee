/** What the kernel has open here, by the numbers that it was given. */
import { MountError } from "./errors.ts";
import type { Listing } from "./listing.ts";
import type { OpenFile } from "./open-file.ts";
import type { InodeId, OpenedFile } from "./ports.ts";

/** Open at once on one mount: each may hold a staging file and content. */
export const HANDLES_MAX = 65_536;

export interface FileHandle {
  readonly kind: "file";
  readonly inode: InodeId;
  readonly file: OpenFile;
  /**
   * Content of its own that is newer than what others, who opened earlier, have pages of; it is read
   * until the file is changed here.
   */
  readonly own: (OpenedFile & { readonly changes: number }) | undefined;
}

export interface DirectoryHandle {
  readonly kind: "directory";
  readonly listing: Listing;
}

export class Handles {
  readonly #handles = new Map<number, FileHandle | DirectoryHandle>();
  #last = 0;

  /** @throws {MountError} `MOUNT_TOO_MANY_HANDLES`: to be asked before anything is opened. */
  checkRoom(): void {
    if (this.#handles.size < HANDLES_MAX) return;
    throw new MountError({ code: "MOUNT_TOO_MANY_HANDLES" }, "too much is open on this mount");
  }

  add(handle: FileHandle | DirectoryHandle): number {
    this.#last += 1;
    this.#handles.set(this.#last, handle);
    return this.#last;
  }

  /** @throws {MountError} `MOUNT_HANDLE_UNKNOWN` */
  file(number: number): FileHandle {
    const handle = this.#handles.get(number);
    if (handle?.kind !== "file") throw unknown("file");
    return handle;
  }

  /** @throws {MountError} `MOUNT_HANDLE_UNKNOWN` */
  directory(number: number): DirectoryHandle {
    const handle = this.#handles.get(number);
    if (handle?.kind !== "directory") throw unknown("directory");
    return handle;
  }

  remove(number: number): void {
    this.#handles.delete(number);
  }
}

function unknown(what: string): MountError {
  return new MountError({ code: "MOUNT_HANDLE_UNKNOWN" }, `no open ${what} has that number`);
}
