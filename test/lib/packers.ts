/** Content packed by the machine's own programs. */
import { execFileSync } from "node:child_process";

/** With `xz`. */
export function xz(bytes: Uint8Array): Buffer {
  return execFileSync("xz", ["-c"], { input: bytes });
}

/** With `bzip2`. */
export function bzip2(bytes: Uint8Array): Buffer {
  return execFileSync("bzip2", ["-c"], { input: bytes });
}
