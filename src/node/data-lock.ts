/**
 * One process at a time in a data directory: a lock that the kernel frees when its holder dies, taken
 * before anything else is read. Node has no file locks of its own; LevelDB has.
 */
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { JobxError } from "../std/errors.ts";

/** In the data directory. */
export const LOCK_NAME = "lock";

/** Held until `close`. */
export interface DataLock {
  close(): Promise<void>;
}

/** @throws {JobxError} `NODE_DATA_LOCKED` when another process has the directory. */
export async function lockDirectory(directory: string): Promise<DataLock> {
  const level = new ClassicLevel(join(directory, LOCK_NAME));
  try {
    await level.open();
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const locked = cause instanceof Error && "code" in cause && cause.code === "LEVEL_LOCKED";
    if (!locked) throw error;
    throw new JobxError(
      { code: "NODE_DATA_LOCKED" },
      `another jobx-node runs with the data directory ${directory}`,
      { cause: error },
    );
  }
  return level;
}
