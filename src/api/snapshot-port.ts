/** Snapshots of a workflow's folders: what they were at one moment, kept until somebody removes it. */
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

/** Rejects with the codes of the tree (`FS_NOT_FOUND` and others), `WORKFLOW_UNKNOWN`, and those of commands. */
export interface SnapshotPort {
  /**
   * Takes one, of one moment between call and answer; no content is moved. It counts for the quota as a copy does.
   * `name` undefined: the time. @throws `FS_EXISTS`, `FS_NOT_DIRECTORY`, `FS_QUOTA`, `FS_CHANGED`,
   * `FS_TREE_TOO_LARGE`, `FS_NAME_REFUSED`.
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
}
