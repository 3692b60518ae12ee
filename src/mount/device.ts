/** The device through which the kernel asks and is answered. */
import { read, writevSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorName } from "./errno.ts";

/** What the loop needs of it. */
export interface Device {
  /** Waits for one request and reads it whole; undefined when none will come any more. */
  read(buffer: Buffer): Promise<number | undefined>;
  /** Writes one answer; false when nobody waits for it. @throws {Error} when the kernel refuses it */
  reply(parts: readonly Uint8Array[]): boolean;
}

/** Errors of a read after which the next one is right. */
const READ_AGAIN = new Set(["EINTR", "EAGAIN", "ENOENT"]);

/** Errors of a write that mean that the caller, or all of them, have gone. */
const NOBODY_WAITS = new Set(["ENOENT", "ENODEV", "ENOTCONN"]);

/** The device refuses to be read until it is mounted: how long until it is tried again. */
const UNMOUNTED_MS = 5;

export class FuseDevice implements Device {
  readonly #fd: number;
  readonly #signal: AbortSignal;

  /** `signal` is given when it will not be mounted, and before `fd` is closed, by whoever opened it. */
  constructor(fd: number, signal: AbortSignal) {
    this.#fd = fd;
    this.#signal = signal;
  }

  async read(buffer: Buffer): Promise<number | undefined> {
    for (;;) {
      const result = await readInto(this.#fd, buffer);
      if (typeof result === "number") return result;
      const name = systemErrorName(result);
      if (name === "ENODEV") return undefined;
      if (name === "EPERM") {
        if (this.#signal.aborted) return undefined;
        await sleep(UNMOUNTED_MS);
      } else if (name === undefined || !READ_AGAIN.has(name)) {
        throw result;
      }
    }
  }

  reply(parts: readonly Uint8Array[]): boolean {
    // The descriptor is closed, or about to be: its number may be another file's.
    if (this.#signal.aborted) return false;
    try {
      writevSync(this.#fd, parts);
      return true;
    } catch (error) {
      if (NOBODY_WAITS.has(systemErrorName(error) ?? "")) return false;
      throw error;
    }
  }
}

/** The bytes that were read, or the error: one comes at every end of a mount, so it is no exception. */
function readInto(fd: number, buffer: Buffer): Promise<number | Error> {
  return new Promise((resolve) => {
    read(fd, buffer, 0, buffer.length, null, (error, bytesRead) => {
      resolve(error ?? bytesRead);
    });
  });
}
