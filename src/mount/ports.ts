/**
 * What the mount needs of the world: a volume, somewhere. It may be far away, so every call waits, lists
 * come in pages, and each refusal is a coded error (`errors.ts`, or any other code, which becomes EIO).
 */

import type { StagedContent } from "./staging.ts";

/** A positive safe integer below 2^53 - 1, never used again for another inode. */
export type InodeId = number;

/** Identity of a file's content: equal only where the bytes are equal. */
export type ContentId = string;

/** Keeps content readable, also when no name refers to it any more, until it is closed. */
export type HoldId = string;

export type InodeKind = "file" | "directory" | "symlink";

/** An inode as `stat` shows it. */
export interface Attributes {
  readonly inode: InodeId;
  readonly kind: InodeKind;
  /** The lower twelve bits only: permissions, sticky, set-user-id, set-group-id. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names that refer to it; for directories 2 and one for each directory in it, or 1 if not counted. */
  readonly links: number;
  /** Of a file its size; of a symlink the length of its target; of a directory anything. */
  readonly bytes: number;
  /** Since 1970, nanoseconds. */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** Of files only. */
  readonly content: ContentId | undefined;
}

/** What is to change; what is undefined stays. */
export interface AttributeChange {
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mtimeNs: bigint | undefined;
  /** Of files only: cut, or filled with zeros. */
  readonly bytes: number | undefined;
}

/** Who makes something, and with which permissions. */
export interface NewInode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A name in a directory. */
export interface Place {
  readonly parent: InodeId;
  /** At most 255 bytes of UTF-8; whether it may be used is the volume's to say. */
  readonly name: string;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly attributes: Attributes;
}

/** A part of a listing, in an order of names that does not change. */
export interface DirectoryPage {
  readonly entries: readonly DirectoryEntry[];
  /** False when nothing follows the last entry. */
  readonly more: boolean;
}

/** Content that was opened: who has it closes the hold. */
export interface OpenedFile {
  readonly attributes: Attributes;
  readonly hold: HoldId;
}

/** New content of a file, in memory or on the local disk, where nobody writes to it meanwhile. */
export interface Commit {
  readonly inode: InodeId;
  /** Where a file that the volume does not know yet gets its name; undefined for one that it knows. */
  readonly place: (Place & { readonly exclusive: boolean }) | undefined;
  /** All of it, where it is in memory, at most `Volume.dataBytesMax`: it is in no file then. */
  readonly data?: Uint8Array<ArrayBuffer>;
  readonly path: string;
  /** Where it is not one file but one for each piece: those; `path` is empty then, and `mayTake` says nothing. */
  readonly paths?: () => readonly string[];
  readonly bytes: number;
  /** For a new file what it is to have; for a known one its permissions, if they change. */
  readonly attributes: AttributeChange & { readonly mtimeNs: bigint };
  /** The volume may move `path` away and keep it; it then answers `taken`. */
  readonly mayTake: boolean;
  /** Whether somebody asked with fsync, or only closed the file. */
  readonly reason: "close" | "fsync";
  /** The volume has all of it already; if it should not, it is to be read. */
  readonly early?: EarlyContent | undefined;
}

/** Pieces of content that is still written. */
export interface EarlyPut {
  /** A file that has them at their place, or one for each. */
  readonly staged: StagedContent;
  readonly at: number;
  readonly length: number;
}

/** Content that a volume takes while it is still written, in pieces of 1 MiB of which only the last is shorter. */
export interface EarlyContent {
  /** The volume does not know it any more: what was given counts for nothing. */
  readonly isOver: boolean;
  /**
   * Gives whole pieces that are on the local disk, up to 8; resolves when they are as durable as the volume
   * promises. Each may be given again, then the last one counts. @throws {VolumeError}
   */
  put(pieces: EarlyPut): Promise<void>;
  /** Nothing more is given, and what no commit has brought may go. */
  end(): void;
}

/** A commit that has happened. */
export interface Committed extends OpenedFile {
  readonly taken: boolean;
}

/** A name that has moved. */
export interface Renamed {
  readonly moved: InodeId;
  /** What had the new name before, with the links that it has left. */
  readonly replaced: Attributes | undefined;
}

/** Something that was changed by others; what was done through this volume itself is not told. */
export type VolumeChange =
  | { readonly kind: "inode"; readonly inode: InodeId; readonly content: ContentId | undefined }
  /** Anything of an inode may be different; which content it has each open finds out. */
  | { readonly kind: "attributes"; readonly inode: InodeId }
  /** Some changes were not told: what was asked before may be different. */
  | { readonly kind: "all" }
  | { readonly kind: "entry"; readonly parent: InodeId; readonly name: string };

/** What `statfs` tells. */
export interface VolumeSpace {
  readonly bytesTotal: number;
  readonly bytesFree: number;
  readonly filesTotal: number;
  readonly filesFree: number;
}

/**
 * A tree of files. The mount's server calls any methods at the same time. Each change of names happens
 * at once or not at all, and when its promise is fulfilled whoever opens or looks afterwards, anywhere,
 * sees it. @throws {JobxError} of any method: a code of `VolumeErrorDetails`.
 */
export interface Volume {
  readonly root: InodeId;
  /** Contents of up to so many bytes need no file on the local disk. */
  readonly dataBytesMax: number;

  lookup(place: Place): Promise<Attributes>;
  getattr(inode: InodeId): Promise<Attributes>;
  setattr(inode: InodeId, change: AttributeChange): Promise<Attributes>;
  /** At most `limit` entries that come after the name `after`; undefined begins the listing. */
  list(
    directory: InodeId,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<DirectoryPage>;
  readlink(inode: InodeId): Promise<string>;

  mkdir(place: Place, made: NewInode): Promise<Attributes>;
  symlink(place: Place, target: string, made: NewInode): Promise<Attributes>;
  link(inode: InodeId, place: Place): Promise<Attributes>;
  /** Answers what lost its name, with the links that it has left. */
  unlink(place: Place): Promise<Attributes>;
  rmdir(place: Place): Promise<void>;
  rename(from: Place, to: Place, options: { readonly replace: boolean }): Promise<Renamed>;

  /**
   * Reads what the file is now, surely, and holds its content. Refuses with `VOLUME_STALE` when `expected`
   * is given and is not a name of the inode: then somebody opens by a name that another has by now.
   */
  open(inode: InodeId, expected: Place | undefined): Promise<OpenedFile>;
  /** Up to `length` bytes from `at`; fewer only at the end of the content. */
  read(hold: HoldId, range: { readonly at: number; readonly length: number }): Promise<Uint8Array>;
  /** Harmless for a hold that is gone. */
  close(hold: HoldId): Promise<void>;
  /** Ids for files that the mount makes; each is given once and may stay unused. */
  reserve(count: number): Promise<readonly InodeId[]>;
  /** Whether each MiB of what is staged in that directory should be a file of its own. @throws never */
  wantsPieces(stagingDirectory: string): Promise<boolean>;
  /** For content that is still written; undefined where only whole contents are taken. */
  beginEarly(): Promise<EarlyContent | undefined>;
  /**
   * When this is fulfilled the content is as durable as the volume promises. It may take as long as
   * content moves; a volume that gets no further refuses by itself.
   */
  commit(commit: Commit): Promise<Committed>;

  getxattr(inode: InodeId, name: string): Promise<Uint8Array>;
  setxattr(
    inode: InodeId,
    attribute: {
      readonly name: string;
      readonly value: Uint8Array;
      readonly mode: "set" | "create" | "replace";
    },
  ): Promise<void>;
  listxattr(inode: InodeId): Promise<readonly string[]>;
  removexattr(inode: InodeId, name: string): Promise<void>;

  statfs(): Promise<VolumeSpace>;
  /**
   * How long what this volume says from now on may be gone by, milliseconds: until then whoever changes it is
   * answered only when `changes` has told of it, and who reads these has asked for the next one. Infinite where
   * there are no others, or where it may be gone by as long as the kernel likes.
   */
  trustedMs(): number;
  /** Ends with the signal. What is lost on the way is healed by the timeouts and at the next open. */
  changes(signal: AbortSignal): AsyncIterable<VolumeChange>;
}
