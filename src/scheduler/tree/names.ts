/**
 * Which names and paths there are. A path is relative to a folder, its names are divided by one slash
 * each, and nothing in it leads out of that folder. The empty path is the folder itself.
 */
import { NAME_BYTES_MAX } from "../../std/name-bounds.ts";
import { treeError } from "./errors.ts";

/** Bytes of a path, as in Linux. */
export const PATH_BYTES_MAX = 4096;

/** Names in a path: each is a row to read. The mount names what lies deeper by its folder's inode. */
export const PATH_NAMES_MAX = 256;

/** Bytes of what a symbolic link says, as in Linux. */
export const SYMLINK_BYTES_MAX = 4096;

/** C0, DEL and C1: they change what a terminal shows, and nobody means them. */
const CONTROL = /\p{Cc}/u;

/** Half of a surrogate pair has no UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const PLAIN = /^[ -~]*$/;

/** Bytes of a text in UTF-8; the text has no lone surrogates. */
export function utf8Length(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x80) length += 1;
    else if (code < 0x800) length += 2;
    // Each half of a pair stands for two of its four bytes.
    else length += code >= 0xd800 && code <= 0xdfff ? 2 : 3;
  }
  return length;
}

/**
 * The names of a path; none for the empty path.
 * @throws {TreeError} `FS_NAME_INVALID`: absolute, not normalised, or with a name that is none;
 * `FS_NAME_TOO_LONG`: more bytes or names than a path may have, or a name with more than it may.
 */
export function namesOf(path: string): readonly string[] {
  if (path === "") return [];
  // Longer in UTF-16 is longer in UTF-8, so the rest of the work has a bound.
  if (path.length > PATH_BYTES_MAX) throw tooLong("path", path);
  const names = path.split("/");
  if (names.length > PATH_NAMES_MAX) throw tooLong("path", path);
  for (const name of names) checkName(name);
  if (utf8Length(path) > PATH_BYTES_MAX) throw tooLong("path", path);
  return names;
}

/**
 * @throws {TreeError} `FS_NAME_INVALID`: empty, `.`, `..`, with a slash, a control character or half a
 * surrogate pair; `FS_NAME_TOO_LONG`.
 */
export function checkName(name: string): void {
  if (name === "" || name === "." || name === ".." || name.includes("/")) {
    throw treeError("FS_NAME_INVALID", "a path has names between its slashes, and no . or ..", {
      path: name,
    });
  }
  if (CONTROL.test(name) || LONE_SURROGATE.test(name)) {
    throw treeError("FS_NAME_INVALID", "a name is UTF-8 without control characters");
  }
  if (name.length > NAME_BYTES_MAX || utf8Length(name) > NAME_BYTES_MAX)
    throw tooLong("name", name);
}

/**
 * What a symbolic link says: any text, also one that leads out, since nobody here follows it out.
 * @throws {TreeError} `FS_NAME_INVALID`: empty, a NUL or half a surrogate pair; `FS_NAME_TOO_LONG`.
 */
export function checkSymlink(target: string): void {
  if (target === "" || target.includes("\0") || LONE_SURROGATE.test(target)) {
    throw treeError("FS_NAME_INVALID", "a symbolic link says something, in UTF-8 without NUL");
  }
  if (target.length > SYMLINK_BYTES_MAX || utf8Length(target) > SYMLINK_BYTES_MAX) {
    throw tooLong("symbolic link", target);
  }
}

function tooLong(what: string, text: string): Error {
  return treeError("FS_NAME_TOO_LONG", `the ${what} is too long`, { path: text.slice(0, 64) });
}
