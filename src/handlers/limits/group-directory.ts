/** Directories of control groups: their names, how they are made and removed. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import type { Timers } from "../../std/clock.ts";

/** Rounds of removing before giving up, and the time between them, milliseconds. */
const ROUNDS_MAX = 100;
const ROUND_MS = 10;

/** Hexadecimal digits by which an owner and a run are told from others. */
const DIGITS = 16;

/**
 * Names of groups: `jobx-OWNER-RUN-NUMBER`. The owner is told from all others, whatever their numbers of
 * processes, so that who comes after it in its place knows what is left of it; the run is this object.
 */
export class GroupNames {
  readonly #prefix: string;
  #made = 0;

  /** Without an owner nobody will look for what is left. */
  constructor(owner: string | undefined) {
    this.#prefix = `jobx-${ownerText(owner ?? randomText())}-${randomText()}-`;
  }

  next(): string {
    return `${this.#prefix}${this.#made++}`;
  }

  isOwn(name: string): boolean {
    return name.startsWith(this.#prefix);
  }
}

/** The groups below a directory that some run of the owner has made. */
export async function groupsOf(directory: string, owner: string): Promise<readonly string[]> {
  const prefix = `jobx-${ownerText(owner)}-`;
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => name.startsWith(prefix));
}

/** Makes a group, unless it is there. @throws {Error} of the system. */
export async function makeGroup(directory: string): Promise<void> {
  await mkdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== "EEXIST") throw error;
  });
}

/**
 * Removes a group whose processes are dead. It is busy while the kernel takes the last one apart; what
 * stays is swept at the owner's next start.
 */
export async function removeGroup(directory: string, timers: Timers): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return;
      await new Promise<void>((resolve) => {
        timers.after(ROUND_MS, resolve);
      });
    }
  }
}

function ownerText(owner: string): string {
  return createHash("sha256").update(owner).digest("hex").slice(0, DIGITS);
}

function randomText(): string {
  return randomBytes(DIGITS / 2).toString("hex");
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
