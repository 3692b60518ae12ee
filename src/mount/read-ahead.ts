/** How far the kernel reads ahead in a mount. */
import { writeFile } from "node:fs/promises";

/** Two reads of the largest size, KiB: one is answered while the next is on its way. The kernel's own is 128. */
const READ_AHEAD_KIB = 2048;

/** Best effort: only root may say so, and where nobody may it is read in smaller parts. `minor` is the mount's device. */
export async function readFurtherAhead(minor: number): Promise<void> {
  const path = `/sys/class/bdi/0:${minor}/read_ahead_kb`;
  await writeFile(path, `${READ_AHEAD_KIB}\n`).catch(() => undefined);
}
