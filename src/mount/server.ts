/** A mounted volume, served by this process: which therefore must never look into the mount itself. */
import { closeSync, writeSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { FuseDevice } from "./device.ts";
import { MountError } from "./errors.ts";
import {
  abortConnection,
  mountDevice,
  openDevice,
  unmountIdle,
  unmountLazily,
} from "./kernel-mount.ts";
import { isKilled } from "./killed-caller.ts";
import { mountedAt } from "./mount-info.ts";
import { passChanges } from "./notifier.ts";
import type { Volume } from "./ports.ts";
import type { Timeouts } from "./protocol/reply.ts";
import { readFurtherAhead } from "./read-ahead.ts";
import { ServeLoop } from "./serve-loop.ts";
import { Session } from "./session.ts";
import { replaceStale } from "./stale-mount.ts";
import type { Watched } from "./watchdog.ts";

/** Between two tries to unmount what is in use, milliseconds. */
const UNMOUNT_AGAIN_MS = 100;

export interface MountOptions {
  readonly volume: Volume;
  /** Exists; an absolute path, or one from the working directory. */
  readonly directory: string;
  /** On a local disk with room for what is being written; a directory of its own is made in it. */
  readonly stagingDirectory: string;
  readonly readOnly: boolean;
  readonly timeouts: Timeouts;
  readonly log: Log;
}

export class MountServer {
  readonly watched: Watched;
  /** Fulfilled when the kernel has no more to ask, whoever has unmounted it. */
  readonly ended: Promise<void>;

  constructor(parts: { readonly watched: Watched; readonly ended: Promise<void> }) {
    this.watched = parts.watched;
    this.ended = parts.ended;
  }

  /**
   * Unmounts when nothing is open there any more, or after `deadlineMs` whatever is: who uses it then
   * gets errors, and what was not closed is lost. True when nobody was cut off.
   */
  async unmount(deadlineMs: number): Promise<boolean> {
    const { directory, minor } = this.watched;
    const endMs = performance.now() + deadlineMs;
    do {
      if (await unmountIdle(directory)) {
        await this.ended;
        return true;
      }
      await sleep(UNMOUNT_AGAIN_MS);
    } while (performance.now() < endMs);
    await unmountLazily(directory);
    await abortConnection(minor);
    return false;
  }
}

/**
 * Mounts a volume and serves it.
 * @throws {MountError} `MOUNT_UNAVAILABLE`, `MOUNT_REFUSED`, `MOUNT_IN_USE`
 */
export async function mountVolume(options: MountOptions): Promise<MountServer> {
  const { volume, readOnly, timeouts, log } = options;
  // A stale mount cannot be looked at: it goes before anything looks.
  await replaceStale(options.directory, log);
  const directory = await realpath(options.directory);
  await replaceStale(directory, log);
  const stagingDirectory = await mkdtemp(join(options.stagingDirectory, `writing-${process.pid}-`));
  const fd = openDevice();
  const wallNs = (): bigint => BigInt(Date.now()) * 1_000_000n;
  const changes = new AbortController();
  const { signal } = changes;
  const tell = (message: Uint8Array): void => {
    if (signal.aborted) return;
    try {
      writeSync(fd, message);
    } catch (error) {
      // The kernel knows nothing of it, or is not there any more.
      log.debug("a notification was not taken", { error: errorText(error) });
    }
  };
  const session = new Session({ volume, stagingDirectory, timeouts, wallNs, tell, log });
  const device = new FuseDevice(fd, signal);
  const loop = new ServeLoop({
    device,
    session,
    isKilled,
    nowMs: () => performance.now(),
    log,
  });
  const serving = serveToEnd(loop, log);
  const passing = passChanges({ fd, volume, session, signal, log });
  const ended = serving.then(async () => {
    changes.abort();
    closeSync(fd);
    await passing;
    await rm(stagingDirectory, { recursive: true, force: true });
  });
  try {
    await mountDevice({ fd, directory, readOnly });
    const mounted = mountedAt(directory);
    if (mounted === undefined) {
      const reason = "it is not in the table of mounts";
      throw new MountError({ code: "MOUNT_REFUSED", reason }, reason);
    }
    await readFurtherAhead(mounted.minor);
    return new MountServer({ watched: { directory, minor: mounted.minor }, ended });
  } catch (error) {
    changes.abort();
    await ended;
    throw error;
  }
}

async function serveToEnd(loop: ServeLoop, log: Log): Promise<void> {
  try {
    await loop.run();
  } catch (error) {
    log.error("a mount is not served any more", { error: errorText(error) });
  }
}
