/** How far the kernel reads ahead in a mount. */
import { writeFile } from "node:fs/promises";
import { READ_AHEAD_BYTES } from "./protocol/init.ts";

/**
 * Best effort: only root may say so, else the kernel reads in smaller parts. It may not have heard the answer to INIT
 * yet, which lets it go as far. `minor` is the mount's device.
 */
export async function readFurtherAhead(minor: number): Promise<void> {
  const path = `/sys/class/bdi/0:${minor}/read_ahead_kb`;
  await writeFile(path, `${READ_AHEAD_BYTES / 1024}\n`).catch(() => undefined);
}
