/** A workflow's volume as a whole: what it is asked to keep to, and whole trees of it. */
import type { CallOptions } from "./call-options.ts";
import type { FileAt, FilePort } from "./file-port.ts";

/** How a file or folder is copied within a volume. */
export interface VolumeCopy {
  readonly workflow: string;
  readonly from: string;
  readonly to: string;
  /** Also a folder with all that lies under it; at the target there is nothing then or an empty folder. */
  readonly recursive: boolean;
  /** Replaces no file. */
  readonly exclusive: boolean;
  /** Makes the folders that are missing on the way to the target. */
  readonly parents: boolean;
}

/** What was copied. */
export interface VolumeCopyAnswer {
  readonly path: string;
  readonly files: number;
  readonly directories: number;
  /** Symbolic links. */
  readonly links: number;
  readonly bytes: number;
}

/** What a volume is asked to keep to. */
export interface VolumeSettings {
  /** On how many nodes each block is to be; fewer where there are fewer. */
  readonly copies: number;
  /** How new files are cut. */
  readonly chunking: "fixed" | "content-defined";
  /** Of all files together; null: none. */
  readonly quotaBytes: number | null;
  /** Of files, folders and links; null: none. */
  readonly quotaFiles: number | null;
  /** Whether blocks are sealed with the workflow's key before they are stored; changed only while it is empty. */
  readonly sealed: boolean;
  /**
   * `DATA+PARITY`: new files of several blocks are coded, and survive the loss of as many nodes as there is parity;
   * null: they are copied. It says how many copies all else has: one more than parity.
   */
  readonly erasure: string | null;
  /** How many versions of each file are kept when it is replaced or removed; 0: none. They count for the quotas. */
  readonly versions: number;
  /** For how long after that, ms. */
  readonly versionsMs: number;
}

/** The key of a sealed volume: who has it can read all blocks. */
export interface VolumeKeyView {
  readonly workflow: string;
  /** Tells which key it is. */
  readonly id: string;
  /** 32 bytes as base64url. */
  readonly key: string;
}

/** A volume with what it holds. */
export interface VolumeView extends VolumeSettings {
  readonly workflow: string;
  readonly revision: number;
  readonly usedBytes: number;
  readonly usedFiles: number;
}

/** An archive that was begun, and the id of what is in it. */
export interface OpenCar {
  readonly cid: string;
  /** To be read to the end or returned. */
  readonly archive: AsyncIterable<Uint8Array>;
}

/** Where a content archive is put. */
export interface CarImport {
  readonly workflow: string;
  /** For a folder there is nothing or an empty folder; a file is replaced. */
  readonly path: string;
}

export interface CarImportAnswer extends VolumeCopyAnswer {
  /** The archive's root; null for one that is its own content. */
  readonly cid: string | null;
  /** On how many nodes each block is, at least. */
  readonly copies: number;
  /** On how many the volume asks for. */
  readonly copiesWanted: number;
}

/** A volume as an attempt sees it: what that writes into its workspace is its own until it ends. */
export interface OwnFiles {
  readonly files: FilePort;
  readonly volumes: Pick<VolumePort, "copy" | "openCar" | "importCar">;
}

/** Rejects with the codes of the tree (`FS_NOT_FOUND` and others), `WORKFLOW_UNKNOWN`, and those of commands. */
export interface VolumePort {
  /**
   * Copies without moving content: atomically, with modes, times and extended attributes. Links are copied as
   * links, and names of one file become files of their own.
   * @throws `FS_IS_DIRECTORY` for a folder without `recursive`; `FS_NOT_EMPTY`, `FS_EXISTS`; `FS_CHANGED`
   * where the source does not stand still.
   */
  copy(input: VolumeCopy, options: CallOptions): Promise<VolumeCopyAnswer>;
  /**
   * A file, link or folder with all below it as a content archive (CAR, version 1), whose root is what IPFS
   * computes for it. Modes, times and attributes are not in it. @throws `FS_TREE_CHANGED`, `FS_TREE_TOO_LARGE`.
   */
  openCar(at: FileAt, options: CallOptions): Promise<OpenCar>;
  /**
   * Takes a content archive in, verified; nothing is seen of it before all is there, or ever where it is
   * refused. @throws `FS_CAR_MALFORMED`, `FS_CAR_UNSUPPORTED`, `FS_CAR_TOO_LARGE`, `FS_CAR_DAMAGED`,
   * `FS_NODE_MALFORMED`, `FS_NODE_MISSING`, `FS_NAME_REFUSED`, `FS_SYMLINK_REFUSED`, `FS_TREE_TOO_LARGE`,
   * `FS_NOT_EMPTY`.
   */
  importCar(
    input: CarImport,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<CarImportAnswer>;
  show(at: { readonly workflow: string }, options: CallOptions): Promise<VolumeView>;
  /**
   * Changes what is said and leaves the rest. Smaller quotas than what is used refuse only what adds to it.
   * @throws `FS_CHANGED` when the volume is not at `revision`; `FS_VOLUME_IN_USE` where what is said of sealing
   * changes and the volume is not empty; `FS_KEY_MISSING`.
   */
  change(
    input: {
      readonly workflow: string;
      readonly revision: number | undefined;
      readonly settings: Partial<VolumeSettings>;
    },
    options: CallOptions,
  ): Promise<VolumeView>;
  /** The key itself, to be kept somewhere else. @throws `FS_KEY_MISSING`. */
  exportKey(at: { readonly workflow: string }, options: CallOptions): Promise<VolumeKeyView>;
  /** Gives a key that was exported to all members that lack it; their number. @throws `FS_KEY_WRONG`. */
  restoreKey(
    input: { readonly workflow: string; readonly key: string },
    options: CallOptions,
  ): Promise<{ readonly nodes: number }>;
}
