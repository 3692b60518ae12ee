/** `jobx-node --mount DIR`: the keeper of mounts with this machine below it. */
import { mkdir, realpath } from "node:fs/promises";
import { deviceRefused } from "../mount/kernel-mount.ts";
import { startMount } from "../mount/start-mount.ts";
import { ownMountAt, unmount } from "../mount/unmount.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { type MountedWorkflow, Mounts } from "./mounts.ts";
import { systemClock, systemTimers } from "./system.ts";

/** As `jobx fs mount` has them. */
const KNOWN_MS = 1_000;
const HANG_MS = 30_000;

/** How long a stop waits for what is open there: a drain came before it. */
const UNMOUNT_MS = 5_000;

/** The inode of a volume's root folder. */
const ROOT_INODE = 1;

/**
 * Begins to mount all volumes below `directory`, which is made where it is missing. Undefined, with a word in the
 * log, where nothing can be mounted: all else works without.
 */
export async function mountAll(options: {
  /** Undefined where nobody wants mounts. */
  readonly directory: string | undefined;
  readonly apiUrl: string;
  /** The node's own, which it alone honours if it has joined. */
  readonly token: string | undefined;
  readonly node: {
    readonly directory: { readonly workflows: () => readonly MountedWorkflow[] };
  };
  readonly log: Log;
}): Promise<Mounts | undefined> {
  const { apiUrl, token, node } = options;
  if (options.directory === undefined) return undefined;
  const log = options.log.child({ part: "mounts" });
  const workflows = (): readonly MountedWorkflow[] => node.directory.workflows();
  const refused = process.platform === "linux" ? deviceRefused() : "only Linux has /dev/fuse";
  try {
    if (refused !== undefined) throw new Error(refused);
    if (token === undefined) throw new Error("this node has no token of its own");
    await mkdir(options.directory, { recursive: true });
    const directory = await realpath(options.directory);
    const mounts = new Mounts({
      ...{ directory, workflows, log, timers: systemTimers, nowMs: () => systemClock.nowMs() },
      start: (workflow, place) =>
        startMount(
          {
            directories: [place],
            volume: { kind: "remote", urls: [apiUrl], workflow, root: ROOT_INODE },
            stagingDirectory: undefined,
            readOnly: false,
            ...{ entryMs: KNOWN_MS, attributesMs: KNOWN_MS, hangMs: HANG_MS },
            unmountMs: UNMOUNT_MS,
            endsWithStarter: true,
          },
          { scope: "machine", token },
        ),
      clear: async (place) => {
        if ((await ownMountAt(place)) === undefined) return;
        log.warn("a mount that an earlier node left is taken away", { directory: place });
        await unmount(place, 0);
      },
    });
    await mounts.start();
    return mounts;
  } catch (error) {
    log.warn("no volume is mounted; all else works", { reason: errorText(error) });
    return undefined;
  }
}
