/** What can go wrong with content ids, trees of files, and content archives (CAR). */
import { JobxError } from "../../std/errors.ts";
import type { Cid } from "../../wire/dataset.ts";

/** One member for each code. */
export type ContentErrorDetails =
  /** Text or bytes that should be a content id are none that is known here. */
  | { readonly code: "FS_CID_MALFORMED"; readonly reason: string }
  /** A name that no directory may have in it. */
  | { readonly code: "FS_NAME_REFUSED"; readonly name: string; readonly reason: string }
  /** A symlink's target that no file system would take. */
  | { readonly code: "FS_SYMLINK_REFUSED"; readonly reason: string }
  /** A tree, or one directory or file of it, is beyond a bound. */
  | { readonly code: "FS_TREE_TOO_LARGE"; readonly what: string; readonly max: number }
  /** A tree that is being written to an archive is not what it was when its ids were made. */
  | { readonly code: "FS_TREE_CHANGED"; readonly reason: string }
  /** Two names of one directory cannot be told apart by the hash that large directories are sorted by. */
  | { readonly code: "FS_NAMES_COLLIDE"; readonly names: readonly [string, string] }
  /** A block that should be a node of a tree is none, or contradicts itself or its parent. */
  | { readonly code: "FS_NODE_MALFORMED"; readonly cid: Cid; readonly reason: string }
  /** A block that a node names is not there. */
  | { readonly code: "FS_NODE_MISSING"; readonly cid: Cid }
  /** Bytes are no content archive. */
  | { readonly code: "FS_CAR_MALFORMED"; readonly offset: number; readonly reason: string }
  /** An archive that others may read, but whose version, codec or hash is not known here. */
  | { readonly code: "FS_CAR_UNSUPPORTED"; readonly reason: string }
  /** A block of an archive, or its header, is beyond a bound. */
  | { readonly code: "FS_CAR_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  /** A block of an archive does not have its hash. */
  | { readonly code: "FS_CAR_DAMAGED"; readonly cid: Cid; readonly offset: number };

/** An operating error of this folder. */
export class ContentError extends JobxError<ContentErrorDetails> {}

/** A block is not the node that it should be. */
export function nodeMalformed(cid: Cid, reason: string, cause?: unknown): ContentError {
  const details = { code: "FS_NODE_MALFORMED", cid, reason } as const;
  return new ContentError(details, `not a node of a tree: ${reason}`, { cause });
}

/** Something of a tree is beyond a bound; `what` says of what there are too many or too much. */
export function treeTooLarge(what: string, max: number): ContentError {
  return new ContentError({ code: "FS_TREE_TOO_LARGE", what, max }, `more than ${max} ${what}`);
}
