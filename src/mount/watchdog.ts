/**
 * Ends a mount whose server is dead or hangs. It is a process of its own, which the server starts and
 * tells that it lives, by a byte a second over a pipe. It never touches the mounted tree itself, so
 * nothing that hangs there can hang it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { assert } from "../std/assert.ts";
import type { Log } from "../std/log.ts";
import { abortConnection, unmountLazily } from "./kernel-mount.ts";
import { mountInfo } from "./mount-info.ts";

/** Between two signs of life, milliseconds. */
export const BEAT_MS = 1_000;

/** How long a mount is tried to be ended at all, before it is left to an operator. */
const END_TRIES_MAX = 20;
const END_AGAIN_MS = 500;

export interface Watched {
  readonly directory: string;
  readonly minor: number;
}

/** Whether the mount is still there, and still the same one. */
export function isMounted({ directory, minor }: Watched): boolean {
  return mountInfo().some((mount) => mount.directory === directory && mount.minor === minor);
}

/**
 * Aborts the connection, kills the server where that is not enough, and takes the mount out of the tree.
 * True when it is gone.
 */
export async function endMount(
  watched: Watched,
  { killServer, log }: { readonly killServer: () => void; readonly log: Log },
): Promise<boolean> {
  for (let tries = 0; tries < END_TRIES_MAX && isMounted(watched); tries += 1) {
    const isAborted = await abortConnection(watched.minor);
    // With its last descriptor the connection ends as well.
    killServer();
    if (!isAborted) log.debug("the connection could not be aborted by fusectl", { ...watched });
    if (isMounted(watched)) await unmountLazily(watched.directory);
    if (isMounted(watched)) await sleep(END_AGAIN_MS);
  }
  if (!isMounted(watched)) return true;
  log.error("a mount could not be ended", { ...watched });
  return false;
}

/** What a watchdog's process is told as its argument. */
export interface Watch {
  readonly watched: readonly Watched[];
  readonly hangMs: number;
  /** Process id of the server, which is the watchdog's parent. */
  readonly server: number;
}

/** @throws {AssertionError} when the text is not what a server makes of a `Watch` */
export function parseWatch(text: string): Watch {
  const value: unknown = JSON.parse(text);
  assert(typeof value === "object" && value !== null, "a watch is an object");
  const watched: unknown = Reflect.get(value, "watched");
  assert(Array.isArray(watched), "a watch has a list of mounts");
  return {
    watched: watched.map((mount: unknown) => {
      assert(typeof mount === "object" && mount !== null, "a mount is an object");
      return {
        directory: String(Reflect.get(mount, "directory")),
        minor: Number(Reflect.get(mount, "minor")),
      };
    }),
    hangMs: Number(Reflect.get(value, "hangMs")),
    server: Number(Reflect.get(value, "server")),
  };
}
