import { closeSync, fstatSync, readdirSync } from "node:fs";

/** Prints and the protocol have the descriptors up to this one. */
const LAST_OWN = 4;

/**
 * Closes files of the node that this process got when it was started. Node's own descriptors are not
 * handed on, but those of its native parts are: LevelDB's files, which a handler could write into.
 */
export function closeInherited(): void {
  for (const name of descriptors()) {
    const descriptor = Number(name);
    if (descriptor <= LAST_OWN) continue;
    try {
      // What else there is belongs to the runtime: it opens no files before it runs this.
      const found = fstatSync(descriptor);
      if (found.isFile() || found.isDirectory()) closeSync(descriptor);
    } catch {
      // The one that the list itself was read by.
    }
  }
}

function descriptors(): readonly string[] {
  try {
    return readdirSync("/proc/self/fd");
  } catch {
    return []; // Not on Linux.
  }
}
