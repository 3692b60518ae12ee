/** What a workflow's volume was: snapshots of folders, kept until somebody removes them, and versions of files. */
import type { CallOptions } from "./call-options.ts";
import type { VolumeCopyAnswer } from "./volume-port.ts";

/** What a snapshot is. */
export interface SnapshotView {
  readonly name: string;
  /** The folder that it is of. */
  readonly path: string;
  /** The folder's UnixFS CID, as IPFS computes it; modes, times and attributes are not in it. */
  readonly cid: string;
  /** ISO 8601. */
  readonly taken: string;
  readonly files: number;
  /** The folder itself is not counted. */
  readonly directories: number;
  /** Symbolic links. */
  readonly links: number;
  /** Of the files. */
  readonly bytes: number;
}

/** A page of snapshots, in the order of their names. */
export interface SnapshotList {
  readonly snapshots: readonly SnapshotView[];
  /** `after` of the next page; null when there is none. */
  readonly next: string | null;
}

/** What is brought back, and where to. */
export interface Restore {
  readonly workflow: string;
  /** A name, or the CID of a snapshot. */
  readonly snapshot: string;
  /** Within the snapshot. */
  readonly path: string;
  readonly to: string;
  /** What is at the target goes, also a folder with all that lies under it. */
  readonly replace: boolean;
}

/** What a path held before. */
export interface HistoryView {
  readonly path: string;
  /** Newest first. */
  readonly versions: readonly VersionView[];
}

/** A content that was replaced or removed. */
export interface VersionView {
  /** Never used again for another one. */
  readonly version: number;
  /** When it was replaced or removed; ISO 8601. */
  readonly kept: string;
  readonly bytes: number;
  /** Where its writer told it. */
  readonly cid: string | null;
  readonly mode: number;
  /** ISO 8601. */
  readonly mtime: string;
}

/** Rejects with the codes of the tree (`FS_NOT_FOUND` and others), `WORKFLOW_UNKNOWN`, and those of commands. */
export interface SnapshotPort {
  /**
   * Takes one, of one moment between call and answer; no content is moved. It counts for the quota as a copy does.
   * `name` undefined: the time. @throws `FS_EXISTS`, `FS_NOT_DIRECTORY`, `FS_QUOTA`,
   * `FS_TREE_TOO_LARGE`, `FS_NAME_REFUSED`; `COLLECTION_BUSY`, `COLLECTION_GONE` and `FS_PIN_LAPSED` where it did
   * not come to an end several times.
   */
  take(
    at: { readonly workflow: string; readonly path: string; readonly name: string | undefined },
    options: CallOptions,
  ): Promise<SnapshotView>;
  list(
    at: { readonly workflow: string; readonly limit: number; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<SnapshotList>;
  show(
    at: { readonly workflow: string; readonly name: string },
    options: CallOptions,
  ): Promise<SnapshotView>;
  remove(
    at: { readonly workflow: string; readonly name: string },
    options: CallOptions,
  ): Promise<SnapshotView>;
  /**
   * Copies out of a snapshot: seen whole or not at all. Without `replace` a file is put in place of a file, and a
   * folder where nothing is or an empty one. @throws `FS_NOT_EMPTY`, `FS_EXISTS`, `FS_QUOTA`.
   */
  restore(input: Restore, options: CallOptions): Promise<VolumeCopyAnswer>;
  /** What a path held before, as far as the volume's settings have it kept; the file may be gone, its folder not. */
  history(
    at: { readonly workflow: string; readonly path: string },
    options: CallOptions,
  ): Promise<HistoryView>;
  /** Puts a version of a path to a path, the same or another, in place of the file that is there. */
  restoreVersion(
    input: {
      readonly workflow: string;
      readonly path: string;
      readonly version: number;
      readonly to: string;
    },
    options: CallOptions,
  ): Promise<VolumeCopyAnswer>;
}
