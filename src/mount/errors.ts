/** What can go wrong with a mount and with the volume behind it; `errno.ts` says what callers see of it. */
import { JobxError } from "../std/errors.ts";

/** What a volume may answer, over whatever it is reached. One member for each code. */
export type VolumeErrorDetails =
  | { readonly code: "VOLUME_NOT_FOUND" }
  | { readonly code: "VOLUME_EXISTS" }
  | { readonly code: "VOLUME_NOT_DIRECTORY" }
  | { readonly code: "VOLUME_IS_DIRECTORY" }
  | { readonly code: "VOLUME_NOT_EMPTY" }
  /** What was asked makes no sense there: a directory moved into itself, a link of no link. */
  | { readonly code: "VOLUME_INVALID"; readonly reason: string }
  /** The name has control characters, a slash, is empty, or `.` or `..`. */
  | { readonly code: "VOLUME_NAME_INVALID" }
  | { readonly code: "VOLUME_NAME_TOO_LONG" }
  | { readonly code: "VOLUME_ATTRIBUTE_MISSING" }
  | { readonly code: "VOLUME_ATTRIBUTE_EXISTS" }
  | { readonly code: "VOLUME_ATTRIBUTE_TOO_LARGE" }
  | { readonly code: "VOLUME_FULL" }
  | { readonly code: "VOLUME_QUOTA_USED" }
  | { readonly code: "VOLUME_FILE_TOO_LARGE" }
  | { readonly code: "VOLUME_FORBIDDEN" }
  | { readonly code: "VOLUME_READ_ONLY" }
  /** The content or the hold that was named is gone. */
  | { readonly code: "VOLUME_STALE" }
  /** Nobody who has the volume answers now. */
  | { readonly code: "VOLUME_UNAVAILABLE" }
  /** What is stored cannot be read. */
  | { readonly code: "VOLUME_DAMAGED"; readonly reason: string };

/** An operating error of a volume. */
export class VolumeError extends JobxError<VolumeErrorDetails> {}

/** What the mount itself refuses or meets. */
export type MountErrorDetails =
  /** The kernel's request is not one of the protocol that was agreed on. */
  | { readonly code: "MOUNT_REQUEST_MALFORMED"; readonly opcode: number; readonly reason: string }
  | { readonly code: "MOUNT_OPERATION_UNKNOWN"; readonly opcode: number }
  | { readonly code: "MOUNT_NAME_NOT_UTF8" }
  | { readonly code: "MOUNT_HANDLE_UNKNOWN" }
  | { readonly code: "MOUNT_TOO_MANY_HANDLES" }
  /** An extended attribute does not fit into what the caller has room for. */
  | { readonly code: "MOUNT_ROOM_TOO_SMALL" }
  | { readonly code: "MOUNT_ATTRIBUTE_UNSUPPORTED" }
  /** The machine, or its kernel, has no FUSE that may be used. */
  | { readonly code: "MOUNT_UNAVAILABLE"; readonly reason: string }
  | { readonly code: "MOUNT_REFUSED"; readonly reason: string }
  /** Something of ours is mounted there and answers. */
  | { readonly code: "MOUNT_IN_USE"; readonly directory: string }
  | { readonly code: "MOUNT_SERVER_ENDED"; readonly reason: string };

/** An operating error of this folder. */
export class MountError extends JobxError<MountErrorDetails> {}

/** The request cannot be read: cut short, too long, or with a number that cannot be. */
export function malformed(opcode: number, reason: string): MountError {
  return new MountError(
    { code: "MOUNT_REQUEST_MALFORMED", opcode, reason },
    `not a request of the protocol: ${reason}`,
  );
}

/** A volume's refusal that has nothing to tell but its code. */
export function volumeError(
  code: Exclude<VolumeErrorDetails, { readonly reason: string }>["code"],
  message: string,
): VolumeError {
  return new VolumeError({ code }, message);
}
