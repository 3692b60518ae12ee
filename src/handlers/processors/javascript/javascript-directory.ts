/** The current directory of JavaScript handlers. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** The worker's own, beside its sources. */
const own = join(process.cwd(), "work");

/** What the worker must be allowed in it; a handler can change that. */
const OWNER_ALL = 0o700;

/** Directories that could not be emptied and were put aside. */
let aside = 0;

/**
 * Makes a directory the current one, wherever the last call has gone. The worker's own, for null, is
 * empty then: most calls leave nothing, so that it costs a look.
 */
export function enterDirectory(directory: string | null): void {
  if (directory === null && !empty()) {
    putAside();
    mkdirSync(own);
  }
  process.chdir(directory ?? own);
}

/** False when there is no such directory, or no emptying it. */
function empty(): boolean {
  try {
    // Not through a link that a handler has put in its place.
    const found = lstatSync(own, { throwIfNoEntry: false });
    if (found?.isDirectory() !== true) return false;
    if ((found.mode & OWNER_ALL) !== OWNER_ALL) chmodSync(own, OWNER_ALL);
    for (const name of readdirSync(own)) rmSync(join(own, name), { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

function putAside(): void {
  if (lstatSync(own, { throwIfNoEntry: false }) === undefined) return;
  renameSync(own, `${own}-${process.pid}-${aside++}`);
}
