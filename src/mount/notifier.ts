/**
 * Tells the kernel what others have changed. The kernel may make this wait for locks that are held for
 * requests which this server is to answer, so each notification is written by another thread, one at a
 * time, and nothing waits for it. What comes meanwhile stays with the volume.
 */
import { write } from "node:fs";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { systemErrorName } from "./errno.ts";
import type { Volume } from "./ports.ts";
import type { Session } from "./session.ts";

/** The kernel knows nothing of the node, the mount is gone, or the name is in use: nothing to be done. */
const IGNORED = new Set(["ENOENT", "ENODEV", "ENOTCONN", "ENOTDIR", "ENOTEMPTY", "EBUSY"]);

/** Runs until the signal is given. Never rejects: without pushes the timeouts and opens remain. */
export async function passChanges(options: {
  readonly fd: number;
  readonly volume: Volume;
  readonly session: Session;
  readonly signal: AbortSignal;
  readonly log: Log;
}): Promise<void> {
  const { fd, volume, session, signal, log } = options;
  try {
    for await (const change of volume.changes(signal)) {
      const error = await notify(fd, session.invalidation(change));
      if (signal.aborted) return;
      if (error === undefined || IGNORED.has(systemErrorName(error) ?? "")) continue;
      log.warn("the kernel took no word of a change", { error: errorText(error) });
    }
  } catch (error) {
    if (!signal.aborted) log.warn("changes are not told any more", { error: errorText(error) });
  }
}

function notify(fd: number, message: Uint8Array): Promise<Error | undefined> {
  return new Promise((resolve) => {
    write(fd, message, (error) => resolve(error ?? undefined));
  });
}
