/**
 * What can be done to the tree. Each is one transition: all of it happens or nothing, and then the answer
 * is a refusal with a code of `errors.ts`. Bounds of lists are those of the wire; what one command may touch
 * is bounded besides by the constants `FS_COMMAND_*`.
 */
import type { Token } from "../unit.ts";
import type {
  FileBlock,
  FileContent,
  PreparedEnd,
  SnapshotCounts,
  Stripe,
  VolumeOptions,
} from "./rows.ts";

/** Files in one commit, and names in one of the other commands that take many. */
export const FS_FILES_MAX = 256;

/** Blocks that the files of one commit name together: each is a row to read and to write. */
export const FS_COMMAND_BLOCKS_MAX = 3072;

/**
 * Names in all paths of one command together: each is a row to read, or a folder to make, which is two rows.
 * With the bounds of files and blocks this keeps every command below the 10,000 rows of R12.
 */
export const FS_COMMAND_NAMES_MAX = 3072;

/** Stripes in one command: with the blocks of a part each has two data blocks or more. */
export const FS_STRIPES_MAX = 1024;

/** Moves in one rename. */
export const FS_MOVES_MAX = 64;

/** Names that one step of a sweep takes: each may have `INODE_BLOCKS_MAX` blocks. */
export const FS_SWEEP_NAMES_MAX = 256;

/** Keys in one command that lets pins lapse. */
export const FS_LAPSE_MAX = 64;

/** Changes of one attempt's end: each may drop a file of `INODE_BLOCKS_MAX` blocks. */
export const FS_PREPARED_MAX = 256;
/** Histories in one command that takes away what is due. */
export const FS_EXPIRE_MAX = 64;

/** Versions that one command takes away: each may have `INODE_BLOCKS_MAX` blocks. */
export const FS_VERSIONS_DROPPED_MAX = 32;

/** The longest time that a pin lasts unless it is renewed, ms. */
export const FS_PIN_MS_MAX = 3_600_000;

/** Numbers of inodes that are reserved at once. */
export const FS_RESERVE_MAX = 1024;

/** Characters of a snapshot's name. */
export const SNAPSHOT_NAME_LENGTH_MAX = 128;

/** What names of snapshots look like: they stand between other signs in paths and keys. */
export const SNAPSHOT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/u;

/** A path below a folder; the empty path is the inode itself, of whatever type. */
export interface Place {
  /** A folder's inode: the root for paths as people write them. */
  readonly from: number;
  readonly path: string;
}

/** What has to be there before. */
export type Expectation =
  | { readonly kind: "any" }
  | { readonly kind: "absent" }
  /** An inode at this revision. */
  | { readonly kind: "revision"; readonly revision: number };

/** A file to be made, or to get new content; one that is there keeps its inode, so all its names see it. */
export interface FileCommit {
  readonly place: Place;
  readonly expect: Expectation;
  /** Of a new file; undefined: 0o644. One that is there keeps its own where this is undefined. */
  readonly mode: number | undefined;
  /** Undefined: the stamp. */
  readonly mtimeMicros: number | undefined;
  readonly root: string | undefined;
  readonly content: FileContent;
  /** Where the content that is replaced is kept, as a file of its own; missing folders are made. */
  readonly keep: Place | undefined;
}

/** A name that goes to another place. */
export interface Move {
  readonly from: Place;
  readonly to: Place;
  /** Where goes what is replaced at `to`; missing folders are made. */
  readonly keep: Place | undefined;
}

/**
 * How a volume wanted content when it was stored. A command that says it names nothing where the volume wants
 * something else by then (R25); without it the content was stored by whatever the volume wanted a moment before.
 */
export type StoredFor = Pick<VolumeOptions, "copies" | "chunking" | "erasure">;

/**
 * What a move does where its target is there: `posix` replaces what rename(2) would, `exclusive` nothing,
 * `tree` also a folder with all that lies under it.
 */
export type MoveOver = "posix" | "exclusive" | "tree";

export type TreeCommand =
  /** Sets the options; refused when they are not at this revision. */
  | { readonly kind: "fs-volume"; readonly revision: number; readonly options: VolumeOptions }
  /** R25: begins an upload, or puts its expiry off to `lastsMs` after the stamp. */
  | {
      readonly kind: "fs-pin";
      readonly how: "begin" | "renew";
      readonly upload: string;
      readonly holder: string;
      readonly lastsMs: number;
    }
  /** Ends an upload; what it staged and did not commit goes. */
  | { readonly kind: "fs-release"; readonly upload: string }
  /** Begins a content of many blocks (`content` 0; the answer has its number), or goes on with its next part. */
  | {
      readonly kind: "fs-stage";
      readonly upload: string;
      readonly content: number;
      /** How many parts there are before. */
      readonly part: number;
      readonly blocks: readonly FileBlock[];
    }
  /** `upload` may be undefined where all blocks are named already or there are none. */
  | {
      readonly kind: "fs-commit";
      readonly upload: string | undefined;
      readonly files: readonly FileCommit[];
      /** Makes the folders that are missing on the way. */
      readonly parents: boolean;
      readonly storedFor?: StoredFor | undefined;
    }
  /** Takes numbers of inodes out of those to come, for files that get their names later; answers the first. */
  | { readonly kind: "fs-reserve"; readonly count: number }
  /** A new file under a number that was reserved; without `exclusive` in place of another file of that name. */
  | {
      readonly kind: "fs-create";
      readonly upload: string | undefined;
      readonly inode: number;
      readonly place: Place;
      readonly exclusive: boolean;
      readonly mode: number;
      readonly mtimeMicros: number | undefined;
      readonly root: string | undefined;
      readonly content: FileContent;
      readonly storedFor?: StoredFor | undefined;
    }
  /** Makes a folder; with `parents` also those on the way, and then one that is there is as good. */
  | {
      readonly kind: "fs-mkdir";
      readonly place: Place;
      readonly mode: number;
      readonly parents: boolean;
    }
  | { readonly kind: "fs-symlink"; readonly place: Place; readonly target: string }
  /** Another name for a file or symbolic link. */
  | { readonly kind: "fs-link"; readonly from: Place; readonly to: Place }
  /** Takes names of files and symbolic links away. */
  | { readonly kind: "fs-unlink"; readonly places: readonly Place[] }
  /** Removes an empty folder. */
  | { readonly kind: "fs-rmdir"; readonly place: Place }
  /** Removes whatever is there with all that lies under it: unseen at once, its rows later. */
  | { readonly kind: "fs-remove"; readonly place: Place }
  | {
      readonly kind: "fs-rename";
      readonly moves: readonly Move[];
      readonly over: MoveOver;
      /** Makes the folders that are missing on the way to the targets. */
      readonly parents: boolean;
    }
  | {
      readonly kind: "fs-attributes";
      readonly place: Place;
      readonly expect: Expectation;
      readonly mode: number | undefined;
      readonly mtimeMicros: number | undefined;
    }
  /** Sets an extended attribute, or removes it where `value` is undefined. */
  | {
      readonly kind: "fs-attribute";
      readonly place: Place;
      readonly name: string;
      readonly value: Uint8Array | undefined;
      readonly over: "any" | "absent" | "present";
    }
  /** Says what the end of a live attempt does, if it ends well; said again, the last one counts. */
  | ({ readonly kind: "fs-prepare"; readonly token: Token } & PreparedEnd)
  /**
   * Begins a snapshot: a frozen folder without a name, which answers to its number as long as it is being made.
   * What it has is put below it by the commands above.
   */
  | {
      readonly kind: "fs-snapshot";
      readonly upload: string;
      readonly name: string;
      readonly path: string;
    }
  /** Ends its making: from now on it is seen, and takes no change. */
  | {
      readonly kind: "fs-snapshot-end";
      readonly upload: string;
      readonly name: string;
      readonly root: string;
      readonly counts: SnapshotCounts;
    }
  /** Removes a snapshot; `upload` is that of one that is still being made. */
  | {
      readonly kind: "fs-snapshot-remove";
      readonly name: string;
      readonly upload: string | undefined;
    }
  /** Says how many versions of each file are kept, and for how long after they were replaced. */
  | { readonly kind: "fs-retention"; readonly versions: number; readonly versionsMs: number }
  /**
   * A command that names blocks, and which of these are in stripes. A stripe is left out that has a block which
   * nothing names, or which is in another one; such blocks have copies.
   */
  | {
      readonly kind: "fs-coded";
      readonly command: CodedCommand;
      readonly stripes: readonly Stripe[];
    }
  /** The leader's: something in these histories is due. */
  | { readonly kind: "fs-expire"; readonly keys: readonly string[] }
  /** The leader's: these keys of the index of expiry are due. */
  | { readonly kind: "fs-lapse"; readonly keys: readonly string[] }
  /** The leader's: names of a removed folder. With none it goes, if it has none. */
  | { readonly kind: "fs-sweep"; readonly directory: number; readonly names: readonly string[] }
  /** The leader's: the last part of a content that nobody has. */
  | { readonly kind: "fs-sweep-content"; readonly content: number };

/** What names blocks that may be coded. */
export type CodedCommand = Extract<
  TreeCommand,
  { readonly kind: "fs-stage" | "fs-commit" | "fs-create" }
>;
