/** Where the programs of a mount's processes are: beside this module, as sources or built. */
import { fileURLToPath } from "node:url";

/** Path of one of them, to be run by Node, or as a thread. */
export function workerFile(name: "mount-worker" | "watchdog-worker" | "block-worker"): string {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`./${name}.${ending}`, import.meta.url));
}
