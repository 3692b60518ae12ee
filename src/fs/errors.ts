/** What can go wrong with content on disk. Codes of damaged formats are in `wire/pairs.ts`, `wire/run.ts`. */
import { JobxError } from "../std/errors.ts";
import type { Cid } from "../wire/dataset.ts";

/** One member for each code. */
export type FsErrorDetails =
  | { readonly code: "FS_BLOCK_MISSING"; readonly cid: Cid; readonly path?: string }
  /** No node has it: every member was asked. `path`: of the file that needs it, where that is known. */
  | { readonly code: "FS_BLOCK_LOST"; readonly cid: Cid; readonly path?: string }
  /** What is stored did not have its hash and was set aside: the block is missing from now on. */
  | { readonly code: "FS_BLOCK_DAMAGED"; readonly cid: Cid }
  /** A sealed block is what was stored, and is not the content that a file's list says it is. */
  | { readonly code: "FS_BLOCK_UNSEALED"; readonly cid: Cid }
  /** The manifest of a run, or a block, is not what the piece or the manifest says it is. */
  | { readonly code: "FS_RUN_MISMATCH"; readonly cid: Cid; readonly reason: string }
  /** Pairs that are said to be in the order of keys are not. */
  | { readonly code: "FS_RUN_NOT_SORTED"; readonly cid: Cid | undefined }
  /** What a source sent does not have the hash or size that was asked for. */
  | { readonly code: "FS_FETCH_DAMAGED"; readonly cid: Cid; readonly receivedBytes: number }
  | { readonly code: "FS_RECORD_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "FS_DISK_FULL"; readonly path: string }
  | { readonly code: "FS_IO"; readonly path: string; readonly errno: string | undefined }
  /** The part of the node that was asked is stopping. */
  | { readonly code: "FS_STOPPED" };

/** An operating error of this folder. */
export class FsError extends JobxError<FsErrorDetails> {}

/** The block is not on this node. */
export function blockMissing(cid: Cid): FsError {
  return new FsError({ code: "FS_BLOCK_MISSING", cid }, "the block is not on this node");
}

/** A run is not what was said about it. */
export function runMismatch(cid: Cid, reason: string): FsError {
  return new FsError({ code: "FS_RUN_MISMATCH", cid, reason }, `not the run expected: ${reason}`);
}

/** @throws {JobxError} `FS_STOPPED` when the signal was given. */
export function checkStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new FsError({ code: "FS_STOPPED" }, "stopping");
}

/** Name of a system error, such as "ENOENT"; undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Quotas count as a full disk: the remedy is the same. */
const FULL = new Set(["ENOSPC", "EDQUOT"]);

/**
 * Runs something on the disk and gives its errors a code.
 * @throws {JobxError} `FS_DISK_FULL` when there is no room at `path`, `FS_IO` for all else.
 */
export async function onDisk<Result>(path: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof JobxError) throw cause;
    const errno = errnoOf(cause);
    if (errno !== undefined && FULL.has(errno)) {
      throw new FsError({ code: "FS_DISK_FULL", path }, "no room on the disk", { cause });
    }
    throw new FsError({ code: "FS_IO", path, errno }, "the disk refused", { cause });
  }
}
