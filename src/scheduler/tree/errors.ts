/**
 * Why a command of the tree changes nothing. Thrown while it is applied, and answered as a refusal by the
 * one who applies it; readers of the tree throw the same.
 */
import { JobxError } from "../../std/errors.ts";

/** Characters of a path that an answer keeps: answers are remembered, and the caller knows the path. */
export const TOLD_PATH_LENGTH = 256;

/** One member for each code. */
export type TreeCode =
  /** It would read or write more rows than one command may. */
  | "COMMAND_TOO_LARGE"
  /** The path, the inode, or a folder on the way to it is not there. */
  | "FS_NOT_FOUND"
  /** It is there and was to be made. */
  | "FS_EXISTS"
  /** What has to be a folder is something else. */
  | "FS_NOT_DIRECTORY"
  /** What has to be something else is a folder. */
  | "FS_IS_DIRECTORY"
  /** What has to be a file with content is a symbolic link. */
  | "FS_NOT_FILE"
  /** It is part of a snapshot, which nobody changes. */
  | "FS_READ_ONLY"
  /** The folder has entries. */
  | "FS_NOT_EMPTY"
  /** The volume would hold more bytes or inodes than its quota. */
  | "FS_QUOTA"
  /** The upload's pin is gone: what it put may have been deleted. */
  | "FS_PIN_LAPSED"
  /** As many pins as there may be. */
  | "FS_TOO_MANY_PINS"
  /** Not a relative, normalised path of valid names. */
  | "FS_NAME_INVALID"
  /** A name, path or link is longer, or a path deeper, than may be. */
  | "FS_NAME_TOO_LONG"
  /** A folder was to be moved into itself. */
  | "FS_LOOP"
  /** The inode has as many names as it may. */
  | "FS_TOO_MANY_LINKS"
  /** It is not at the revision that was expected. */
  | "FS_CHANGED"
  /** The attempt has ended or was taken back: what it wrote is not to be seen. */
  | "FS_ATTEMPT_OVER"
  /** A content's blocks do not make up its size, or it is not what was staged. */
  | "FS_CONTENT_INVALID"
  /** It may be changed only while the volume is empty. */
  | "FS_VOLUME_IN_USE"
  /** A block is sealed and the volume does not seal, or the other way round. */
  | "FS_SEALING_DIFFERS"
  /** The volume wants content stored otherwise than it was. */
  | "FS_STORED_OTHERWISE"
  /** There is no attribute of that name. */
  | "FS_ATTRIBUTE_UNKNOWN"
  /** The attributes of the inode take no more. */
  | "FS_ATTRIBUTES_FULL";

/** The tree does not allow it. `path` is what the caller named, as far as it is about one. */
export class TreeError extends JobxError<{
  readonly code: TreeCode;
  readonly path: string | undefined;
}> {}

/** Makes one; whoever applies catches it, so no trace is kept, which would cost more than the command. */
export function treeError(
  code: TreeCode,
  message: string,
  { path }: { readonly path?: string | undefined } = {},
): TreeError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new TreeError({ code, path }, message);
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}

/** Something is where it was to be made. */
export function exists(path: string): Error {
  return treeError("FS_EXISTS", "it is there already", { path });
}
