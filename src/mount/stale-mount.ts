/** Mounts that a dead server has left behind: found in the table of mounts, and asked without being trusted. */
import { resolve } from "node:path";
import type { Log } from "../std/log.ts";
import { runCommand } from "./command.ts";
import { MountError } from "./errors.ts";
import { abortConnection, SOURCE, unmountLazily } from "./kernel-mount.ts";
import { mountedAt } from "./mount-info.ts";

/** How long a mount may take to answer before it counts as dead, milliseconds. */
const ANSWER_MS = 5_000;

/** Mounts at one directory, one over the other, that are taken away at most. */
const STALE_MAX = 16;

/**
 * Takes away what is mounted by us at `directory` and does not answer.
 * @throws {MountError} `MOUNT_IN_USE` when something of ours answers there, `MOUNT_REFUSED` when it cannot
 * be taken away
 */
export async function replaceStale(directory: string, log: Log): Promise<void> {
  const path = resolve(directory);
  for (let round = 0; round < STALE_MAX; round += 1) {
    const mount = mountedAt(path);
    if (mount === undefined || mount.type !== "fuse" || mount.source !== SOURCE) return;
    // By another process: one that asks a dead mount may wait for ever.
    const end = await runCommand("stat", ["-f", "-c", "%T", path], { deadlineMs: ANSWER_MS });
    if (end.kind === "ended" && end.status === 0) {
      throw new MountError(
        { code: "MOUNT_IN_USE", directory: path },
        "it is mounted there already",
      );
    }
    log.warn("a mount that nobody serves is replaced", { directory: path });
    if (end.kind === "late") await abortConnection(mount.minor);
    await unmountLazily(path);
  }
  if (mountedAt(path) === undefined) return;
  const reason = "a stale mount cannot be taken away";
  throw new MountError({ code: "MOUNT_REFUSED", reason }, reason);
}
