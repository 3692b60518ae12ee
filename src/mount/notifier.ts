/**
 * Tells the kernel what others have changed. The kernel may make this wait for locks that are held for
 * requests which this server is to answer, so each notification is written by another thread, one at a
 * time. The volume goes on when the kernel has taken it, or lets it wait while a request of this mount has the
 * lock of a folder: that may itself wait for another mount, which waits for this one.
 */
import { write } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { systemErrorName } from "./errno.ts";
import type { Volume } from "./ports.ts";
import type { Session } from "./session.ts";

/** The kernel knows nothing of the node, the mount is gone, or the name is in use: nothing to be done. */
const IGNORED = new Set(["ENOENT", "ENODEV", "ENOTCONN", "ENOTDIR", "ENOTEMPTY", "EBUSY"]);

/** How long the volume waits for the kernel while a request of this mount may have the lock that it waits for. */
const PATIENCE_MS = 10;

/** How long at most: the kernel takes some microseconds, and the thread that tells it has its turn by then. */
const WAIT_MS = 1_000;

/** Notifications that wait for one that the kernel lets wait; with more the volume waits however long it takes. */
export const NOTIFICATIONS_MAX = 4096;

/** Runs until the signal is given. Never rejects: without pushes the timeouts and opens remain. */
export async function passChanges(options: {
  readonly fd: number;
  readonly volume: Pick<Volume, "changes">;
  readonly session: Pick<Session, "invalidation" | "holdsLocks">;
  readonly signal: AbortSignal;
  readonly log: Log;
}): Promise<void> {
  const { fd, volume, session, signal, log } = options;
  const writer = new Writer({ fd, signal, log, session });
  try {
    for await (const change of volume.changes(signal)) {
      const message = session.invalidation(change);
      if (message !== undefined) await writer.write(message);
      if (signal.aborted) return;
    }
  } catch (error) {
    if (!signal.aborted) log.warn("changes are not told any more", { error: errorText(error) });
  }
}

class Writer {
  readonly #fd: number;
  readonly #signal: AbortSignal;
  readonly #log: Log;
  readonly #session: Pick<Session, "holdsLocks">;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** The kernel has not taken one in time: until it has, nobody waits for those behind it. */
  #isStuck = false;

  constructor(deps: {
    readonly fd: number;
    readonly signal: AbortSignal;
    readonly log: Log;
    readonly session: Pick<Session, "holdsLocks">;
  }) {
    this.#fd = deps.fd;
    this.#signal = deps.signal;
    this.#log = deps.log;
    this.#session = deps.session;
  }

  /** Resolves when the kernel has taken it, or takes its time. */
  async write(message: Uint8Array): Promise<void> {
    this.#waiting += 1;
    const written = this.#last.then(() => this.#writeNow(message));
    this.#last = written;
    if (this.#waiting >= NOTIFICATIONS_MAX) return written;
    if (this.#isStuck) return undefined;
    for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += PATIENCE_MS) {
      const isLate = await Promise.race([written.then(() => false), sleep(PATIENCE_MS, true)]);
      if (!isLate) return undefined;
      if (this.#session.holdsLocks) break;
    }
    this.#isStuck = this.#waiting > 0;
    return undefined;
  }

  async #writeNow(message: Uint8Array): Promise<void> {
    const error = this.#signal.aborted ? undefined : await notify(this.#fd, message);
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#isStuck = false;
    if (this.#signal.aborted || error === undefined) return;
    if (IGNORED.has(systemErrorName(error) ?? "")) return;
    this.#log.warn("the kernel took no word of a change", { error: errorText(error) });
  }
}

function notify(fd: number, message: Uint8Array): Promise<Error | undefined> {
  return new Promise((resolve) => {
    write(fd, message, (error) => resolve(error ?? undefined));
  });
}
