/** Limits of a process that its descendants inherit, set by `prlimit` of util-linux. */

const PRLIMIT = "/usr/bin/prlimit";

/** What stands before a command, so that no file that it writes becomes larger. */
export function fileSizeWords(bytes: number): readonly string[] {
  // No core either: it would be a file of that size.
  return [PRLIMIT, `--fsize=${bytes}:${bytes}`, "--core=0:0", "--"];
}
