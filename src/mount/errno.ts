/** The one table from coded errors to what a system call returns on Linux. */
import { isJobxError } from "../std/errors.ts";
import type { MountErrorDetails, VolumeErrorDetails } from "./errors.ts";

/** Numbers of Linux, the same on every architecture that Node runs on. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EMLINK: 31,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ENODATA: 61,
  EPROTO: 71,
  EILSEQ: 84,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ESTALE: 116,
  EDQUOT: 122,
} as const;

export type ErrnoName = keyof typeof ERRNO;

const OF_CODE = {
  VOLUME_NOT_FOUND: "ENOENT",
  VOLUME_EXISTS: "EEXIST",
  VOLUME_NOT_DIRECTORY: "ENOTDIR",
  VOLUME_IS_DIRECTORY: "EISDIR",
  VOLUME_NOT_EMPTY: "ENOTEMPTY",
  VOLUME_INVALID: "EINVAL",
  VOLUME_NAME_INVALID: "EINVAL",
  VOLUME_NAME_TOO_LONG: "ENAMETOOLONG",
  VOLUME_ATTRIBUTE_MISSING: "ENODATA",
  VOLUME_ATTRIBUTE_EXISTS: "EEXIST",
  VOLUME_ATTRIBUTE_TOO_LARGE: "E2BIG",
  VOLUME_FULL: "ENOSPC",
  VOLUME_QUOTA_USED: "EDQUOT",
  VOLUME_FILE_TOO_LARGE: "EFBIG",
  VOLUME_FORBIDDEN: "EACCES",
  VOLUME_READ_ONLY: "EROFS",
  VOLUME_STALE: "ESTALE",
  VOLUME_UNAVAILABLE: "EIO",
  VOLUME_DAMAGED: "EIO",
  MOUNT_REQUEST_MALFORMED: "EIO",
  MOUNT_OPERATION_UNKNOWN: "ENOSYS",
  MOUNT_NAME_NOT_UTF8: "EILSEQ",
  MOUNT_HANDLE_UNKNOWN: "EBADF",
  MOUNT_TOO_MANY_HANDLES: "ENFILE",
  MOUNT_ROOM_TOO_SMALL: "ERANGE",
  MOUNT_ATTRIBUTE_UNSUPPORTED: "EOPNOTSUPP",
  MOUNT_UNAVAILABLE: "EIO",
  MOUNT_REFUSED: "EIO",
  MOUNT_IN_USE: "EBUSY",
  MOUNT_SERVER_ENDED: "EIO",
} as const satisfies Record<(VolumeErrorDetails | MountErrorDetails)["code"], ErrnoName>;

const BY_CODE: ReadonlyMap<string, ErrnoName> = new Map(Object.entries(OF_CODE));
const BY_NAME: ReadonlyMap<string, number> = new Map(Object.entries(ERRNO));

/**
 * What a system call that met `error` returns, as a positive number. A coded error goes by the table;
 * an error of the local disk (of a staging file) by its own name; all else is EIO, which is to be logged.
 */
export function errnoOf(error: unknown): number {
  if (isJobxError(error)) return ERRNO[BY_CODE.get(error.code) ?? "EIO"];
  const name = systemErrorName(error);
  return (name === undefined ? undefined : BY_NAME.get(name)) ?? ERRNO.EIO;
}

/** Name of a system error, such as "ENOENT"; undefined for other errors. */
export function systemErrorName(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** True when nobody foresaw the error: it is in no table and no system error. */
export function isUnforeseen(error: unknown): boolean {
  return isJobxError(error) ? !BY_CODE.has(error.code) : systemErrorName(error) === undefined;
}
