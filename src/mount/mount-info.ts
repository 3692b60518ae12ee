/** What `/proc/self/mountinfo` says, which can be read without touching what is mounted. */
import { readFileSync } from "node:fs";

/** A mounted file system. */
export interface MountedAt {
  readonly directory: string;
  /** Minor number of its device: its connection's name in fusectl. */
  readonly minor: number;
  readonly type: string;
  readonly source: string;
}

const TABLE = "/proc/self/mountinfo";

/** Fields of a line before the optional ones. */
const DEVICE_FIELD = 2;
const DIRECTORY_FIELD = 4;
const OPTIONAL_FIELDS = 6;

/** Reads the table of mounts; lines that are not as the kernel writes them are left out. */
export function parseMountInfo(text: string): readonly MountedAt[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const end = fields.indexOf("-", OPTIONAL_FIELDS);
    const [, minor] = (fields[DEVICE_FIELD] ?? "").split(":");
    const [directory, type, source] = [fields[DIRECTORY_FIELD], fields[end + 1], fields[end + 2]];
    if (end === -1 || minor === undefined || !/^\d+$/.test(minor)) return [];
    if (directory === undefined || type === undefined || source === undefined) return [];
    return [
      { directory: unescaped(directory), minor: Number(minor), type, source: unescaped(source) },
    ];
  });
}

/** All mounts that this process sees. */
export function mountInfo(): readonly MountedAt[] {
  return parseMountInfo(readFileSync(TABLE, "utf8"));
}

/** What is mounted at a directory, given as an absolute path without links; the one on top. */
export function mountedAt(
  directory: string,
  table: readonly MountedAt[] = mountInfo(),
): MountedAt | undefined {
  return table.findLast((mount) => mount.directory === directory);
}

/** Spaces, tabs, newlines and backslashes are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
