/** Ends a mount from outside of its server's process, which then ends by itself. */
import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MountError } from "./errors.ts";
import { abortConnection, SOURCE, unmountIdle, unmountLazily } from "./kernel-mount.ts";
import { type MountedAt, mountedAt } from "./mount-info.ts";

/** Between two tries to unmount what is in use, milliseconds. */
const AGAIN_MS = 200;

/** The mount of ours at a directory; the directory itself is not looked at, since it may hang. */
export async function ownMountAt(directory: string): Promise<MountedAt | undefined> {
  const path = resolve(directory);
  const parent = await realpath(dirname(path)).catch(() => dirname(path));
  const found = mountedAt(join(parent, basename(path)));
  return found?.type === "fuse" && found.source === SOURCE ? found : undefined;
}

/**
 * Unmounts when nothing is open there, or after `deadlineMs` whatever is. True when nobody was cut off.
 * @throws {MountError} `MOUNT_REFUSED` where nothing of ours is mounted, or where it cannot be unmounted
 */
export async function unmount(directory: string, deadlineMs: number): Promise<boolean> {
  const mount = await ownMountAt(directory);
  if (mount === undefined) throw refused(`no volume of jobx is mounted at ${directory}`);
  const endMs = performance.now() + deadlineMs;
  do {
    if (await unmountIdle(mount.directory)) return true;
    await sleep(AGAIN_MS);
  } while (performance.now() < endMs);
  const end = await unmountLazily(mount.directory);
  await abortConnection(mount.minor);
  if (mountedAt(mount.directory)?.minor !== mount.minor) return false;
  throw refused(`umount(8): ${end.kind === "ended" ? end.said : "it did not end in time"}`);
}

function refused(reason: string): MountError {
  return new MountError({ code: "MOUNT_REFUSED", reason }, reason);
}
