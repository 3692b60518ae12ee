/** What may be a name in a directory, and what a symlink may say. */
import { NAME_BYTES_MAX } from "../../std/name-bounds.ts";
import { ContentError } from "./errors.ts";

/** Bytes of a symlink's target: what Linux takes for a path, without its end. */
export const TARGET_BYTES_MAX = 4095;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The bytes of a name that may stand in a directory.
 * @throws {JobxError} `FS_NAME_REFUSED` when it is empty, "." or "..", too long, has a "/" or a zero
 * byte in it, or half a character.
 */
export function nameBytes(name: string): Uint8Array {
  const bytes = encoder.encode(name);
  const reason = faultOf(name, bytes);
  if (reason === undefined) return bytes;
  const details = { code: "FS_NAME_REFUSED", name: name.slice(0, NAME_BYTES_MAX), reason } as const;
  throw new ContentError(details, `a name ${reason}`);
}

function faultOf(name: string, bytes: Uint8Array): string | undefined {
  if (name === "" || name === "." || name === "..") return `is "${name}"`;
  if (bytes.length > NAME_BYTES_MAX) return `has more than ${NAME_BYTES_MAX} bytes`;
  if (name.includes("/") || name.includes("\0")) return 'has a "/" or a zero byte in it';
  return name.isWellFormed() ? undefined : "has half a character in it";
}

/**
 * The bytes of a symlink's target. Where it leads is not looked at: whoever follows it sees to that.
 * @throws {JobxError} `FS_SYMLINK_REFUSED` when it is empty, too long, or has a zero byte or half a
 * character in it.
 */
export function targetBytes(target: string): Uint8Array {
  const bytes = encoder.encode(target);
  if (target === "") throw targetRefused("is empty");
  if (bytes.length > TARGET_BYTES_MAX) throw targetRefused(`has over ${TARGET_BYTES_MAX} bytes`);
  if (target.includes("\0")) throw targetRefused("has a zero byte in it");
  if (!target.isWellFormed()) throw targetRefused("has half a character in it");
  return bytes;
}

/**
 * The target that a node of a tree has.
 * @throws {JobxError} `FS_SYMLINK_REFUSED` as `targetBytes`, and when the bytes are no UTF-8.
 */
export function readTarget(bytes: Uint8Array): string {
  if (bytes.length > TARGET_BYTES_MAX) throw targetRefused(`has over ${TARGET_BYTES_MAX} bytes`);
  const target = decodeStrictly(bytes);
  targetBytes(target);
  return target;
}

function decodeStrictly(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch (cause) {
    throw targetRefused("is no UTF-8", cause);
  }
}

function targetRefused(reason: string, cause?: unknown): ContentError {
  const details = { code: "FS_SYMLINK_REFUSED", reason } as const;
  return new ContentError(details, `a symlink's target ${reason}`, { cause });
}
