/** What a node refuses, as errors of a volume. */
import { RemoteError } from "../../api/transport.ts";
import { errorText, isJobxError } from "../../std/errors.ts";
import { VolumeError, type VolumeErrorDetails, volumeError } from "../errors.ts";

type Plain = Exclude<VolumeErrorDetails, { readonly reason: string }>["code"];

const PLAIN: ReadonlyMap<string, Plain> = new Map<string, Plain>([
  ["FS_NOT_FOUND", "VOLUME_NOT_FOUND"],
  ["WORKFLOW_UNKNOWN", "VOLUME_NOT_FOUND"],
  ["FS_EXISTS", "VOLUME_EXISTS"],
  ["FS_NOT_DIRECTORY", "VOLUME_NOT_DIRECTORY"],
  ["FS_IS_DIRECTORY", "VOLUME_IS_DIRECTORY"],
  ["FS_NOT_EMPTY", "VOLUME_NOT_EMPTY"],
  ["FS_NAME_INVALID", "VOLUME_NAME_INVALID"],
  ["FS_NAME_TOO_LONG", "VOLUME_NAME_TOO_LONG"],
  ["FS_ATTRIBUTE_UNKNOWN", "VOLUME_ATTRIBUTE_MISSING"],
  ["FS_ATTRIBUTES_FULL", "VOLUME_ATTRIBUTE_TOO_LARGE"],
  ["FS_DISK_FULL", "VOLUME_FULL"],
  ["FS_READ_ONLY", "VOLUME_READ_ONLY"],
  ["FS_QUOTA", "VOLUME_QUOTA_USED"],
  ["FS_CHANGED", "VOLUME_STALE"],
]);

/** What makes no sense there, and what cannot be read. */
const INVALID: ReadonlySet<string> = new Set(["FS_LOOP", "FS_NOT_FILE", "FS_TOO_MANY_LINKS"]);
const DAMAGED: ReadonlySet<string> = new Set([
  "FS_BLOCK_LOST",
  "FS_BLOCK_DAMAGED",
  "FS_BLOCK_UNSEALED",
]);

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;

/** The error of a volume that an error of a call stands for; what nobody foresaw is `VOLUME_UNAVAILABLE`. */
export function volumeErrorOf(error: unknown): VolumeError {
  if (error instanceof VolumeError) return error;
  const reason = errorText(error);
  const code = isJobxError(error) ? error.code : "";
  const plain = PLAIN.get(code);
  if (plain !== undefined) return volumeError(plain, reason);
  if (INVALID.has(code)) return new VolumeError({ code: "VOLUME_INVALID", reason }, reason);
  if (DAMAGED.has(code)) return new VolumeError({ code: "VOLUME_DAMAGED", reason }, reason);
  const status = error instanceof RemoteError ? error.details.status : 0;
  if (status === UNAUTHORIZED || status === FORBIDDEN)
    return volumeError("VOLUME_FORBIDDEN", reason);
  return volumeError("VOLUME_UNAVAILABLE", reason);
}
