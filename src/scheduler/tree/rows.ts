/**
 * R23: a workflow's tree of files. A name is an entry of its folder and leads to an inode; a file's inode
 * says which blocks it is made of, and each block counts how often it is named. So a name is one row, a
 * folder is a range of rows, and whether a block is needed is one look.
 */
import type { Cid } from "../dataset.ts";

/** The root folder of every volume. */
export const ROOT_INODE = 1;

/**
 * Numbers of inodes from here on are frozen: what a snapshot has is read and removed, and never changed. The number
 * says it, so that no command need look whose part an inode is.
 */
export const FROZEN_INODE_FIRST = 2 ** 48;

/** Blocks that a file's inode lists itself: 16 MiB of fixed chunks. Above it the list has rows of its own. */
export const INODE_BLOCKS_MAX = 16;

/** Blocks in one part of a content: some 40 KiB of row, and a command or sweep step of a thousand rows. */
export const PART_BLOCKS_MAX = 1024;

/** Parts of one content: with fixed chunks of 1 MiB a file of 16 TiB. */
export const PARTS_MAX = 16_384;

/** Largest block, in bytes, of any chunking. */
export const FILE_BLOCK_BYTES_MAX = 4 * 1024 * 1024;

/** Names of one inode, as in ext4. */
export const LINKS_MAX = 65_000;

/** Extended attributes of an inode, and bytes of all their names and values together, as in ext4. */
export const ATTRIBUTES_MAX = 64;
export const ATTRIBUTES_BYTES_MAX = 4096;

/** Characters of an upload's id, which its client makes, and of who holds it. */
export const UPLOAD_ID_LENGTH_MAX = 64;
export const PIN_HOLDER_LENGTH_MAX = 128;

/** Uploads under way at once in one volume. */
export const PINS_MAX = 10_000;

/** Contents that one upload has staged and not committed. */
export const PIN_CONTENTS_MAX = 64;

/** A block of a file. */
export interface FileBlock {
  /** Of the block as nodes store it. */
  readonly cid: Cid;
  /** Of the file's content in it, 1 to `FILE_BLOCK_BYTES_MAX`. */
  readonly bytes: number;
  /** Of a sealed block: the hash of the content in it. Undefined where it is stored as it is. */
  readonly plain?: Cid | undefined;
}

/** What a file is made of. */
export type FileContent =
  /** At most `INODE_BLOCKS_MAX` blocks; none for an empty file. */
  | { readonly kind: "inline"; readonly blocks: readonly FileBlock[] }
  /** The number of a `fs-content` row. */
  | { readonly kind: "listed"; readonly content: number };

/** How files are cut into blocks. */
export type Chunking = "fixed" | "content-defined";

/** How blocks of files are sealed with the workflow's key before they are stored. The number is the version. */
export type Sealing = "aes-256-gcm-1";

/** Data blocks and parity blocks of one stripe, at most. */
export const ERASURE_DATA_MAX = 16;
export const ERASURE_PARITY_MAX = 8;

/** How large files are coded instead of copied: each so many data blocks get so many of parity. */
export interface Erasure {
  /** 2 to `ERASURE_DATA_MAX`; 1: new content is not coded any more, though some may be. */
  readonly data: number;
  /** 1 to `ERASURE_PARITY_MAX`, no more than there is data: what may be lost of a stripe. */
  readonly parity: number;
}

/** What a volume is asked to keep to. */
export interface VolumeOptions {
  /** R25: on how many nodes a block is to be, 1 to `COPIES_MAX`; fewer where there are fewer nodes. */
  readonly copies: number;
  readonly chunking: Chunking;
  /** Of all files together; undefined: none. */
  readonly quotaBytes: number | undefined;
  /** Of inodes of every type but the root; undefined: none. */
  readonly quotaInodes: number | undefined;
  /** Undefined: blocks are stored as they are. Changed only while the volume is empty. */
  readonly sealing?: Sealing | undefined;
  /** Undefined: nothing was ever coded. Blocks of no stripe have `copies` copies. */
  readonly erasure?: Erasure | undefined;
}

/** Copies that a volume may ask for. */
export const COPIES_MAX = 16;

/** The volume; a workflow that never used its own has no row and the default ones. */
export interface VolumeRow extends VolumeOptions {
  readonly kind: "fs-volume";
  /** Of the command that last changed the options. */
  readonly revision: number;
  /** Bytes of the files that are there, and of removed ones until they are swept. */
  readonly usedBytes: number;
  readonly usedInodes: number;
  readonly pins: number;
  readonly nextInode: number;
  readonly nextContent: number;
}

export interface FileAttribute {
  readonly name: string;
  readonly value: Uint8Array;
}

/** What inodes of all types have. */
interface InodeBase {
  /** The lower 12 bits of a POSIX mode. */
  readonly mode: number;
  /** As its writer says, microseconds since 1970. */
  readonly mtimeMicros: number;
  /** R14: stamp of the last change of anything in this row. */
  readonly changedMs: number;
  /** Number of the command that last changed this row; for a folder also its entries. */
  readonly revision: number;
  /** Rising by name. */
  readonly attributes: readonly FileAttribute[];
}

export interface FileRow extends InodeBase {
  readonly kind: "fs-file";
  readonly links: number;
  readonly bytes: number;
  /** The UnixFS CID as its writer derived it; undefined where nobody told it. */
  readonly root: string | undefined;
  readonly content: FileContent;
}

export interface DirectoryRow extends InodeBase {
  readonly kind: "fs-directory";
  /** The root's is itself; 0 once it is removed with all that lies under it. */
  readonly parent: number;
  readonly entries: number;
  /** Of the entries, those that are folders. */
  readonly directories: number;
}

export interface SymlinkRow extends InodeBase {
  readonly kind: "fs-symlink";
  readonly links: number;
  readonly target: string;
}

export type InodeRow = FileRow | DirectoryRow | SymlinkRow;

/** A name in a folder. */
export interface NamedPlace {
  /** The folder's inode. */
  readonly parent: number;
  readonly name: string;
}

/** What a name leads to. */
export type InodeType = "file" | "directory" | "symlink";

/** A name in a folder; the key says which. */
export interface EntryRow {
  readonly kind: "fs-entry";
  readonly inode: number;
  readonly type: InodeType;
}

/** A block that is named, or is in a stripe; the row goes with the last of these. */
export interface FileBlockRow {
  readonly kind: "fs-block";
  readonly bytes: number;
  /** How often inodes and parts of contents name it: 0 for parity, and data that only its stripe needs. */
  readonly references: number;
  /** The number of the one stripe that it is in; such a block has one copy. */
  readonly stripe?: number | undefined;
}

/** A data block of a stripe. */
export interface StripeBlock {
  readonly cid: Cid;
  /** Of the block as nodes store it. */
  readonly bytes: number;
}

/** Blocks on different nodes, of which any so many as there is data make all others. */
export interface Stripe {
  /** In the order in which they were coded. */
  readonly data: readonly StripeBlock[];
  /** Each as long as the longest of the data. */
  readonly parity: readonly Cid[];
}

/** A stripe; the key has its number. */
export interface StripeRow extends Stripe {
  readonly kind: "fs-stripe";
  /** Its blocks that something names: with the last of these it goes, and all its blocks. */
  readonly named: number;
}

/** A content with its list of blocks in parts. */
export interface ContentRow {
  readonly kind: "fs-content";
  readonly bytes: number;
  readonly parts: number;
  readonly blocks: number;
  /** Inodes that have it. */
  readonly links: number;
  /** While it is staged: the upload whose pin keeps it. */
  readonly upload: string | undefined;
}

/** Part of the list of a content: the first parts are full. */
export interface ContentPartRow {
  readonly kind: "fs-part";
  /** Where it begins in the content: offsets are found by halving where blocks differ in size. */
  readonly startBytes: number;
  readonly blocks: readonly FileBlock[];
}

/** R25: somebody puts blocks that nothing names yet. */
export interface UploadRow {
  readonly kind: "fs-pin";
  readonly holder: string;
  /** By the clock of the stamps. */
  readonly expiresMs: number;
  /** Contents that were staged under it. */
  readonly contents: readonly number[];
}

/** A folder as it was at one moment; the key has its name. */
export interface SnapshotRow {
  readonly kind: "fs-snapshot";
  /** Of what it was taken, as people write it. */
  readonly path: string;
  /** Its top folder, a frozen inode that no entry leads to. */
  readonly directory: number;
  /** While it is being made: the upload whose pin keeps it. */
  readonly upload: string | undefined;
  /** R14: stamp of its beginning. */
  readonly takenMs: number;
  /** The UnixFS CID of the folder; undefined while it is being made. */
  readonly root: string | undefined;
  readonly counts: SnapshotCounts;
}

/** What is in a snapshot. */
export interface SnapshotCounts {
  readonly files: number;
  readonly directories: number;
  /** Symbolic links. */
  readonly links: number;
  /** Of the files. */
  readonly bytes: number;
}

/** Versions of each name or file that a volume may be asked to keep. */
export const VERSIONS_MAX = 100;

/** Versions in one history: more than may be asked for, since the leader takes away what is too much. */
export const HISTORY_VERSIONS_MAX = 128;

/** What is kept of files that are replaced or removed; without it nothing is. */
export interface RetentionRow {
  readonly kind: "fs-retention";
  /** Of each name, the newest, 0 to `VERSIONS_MAX`. */
  readonly versions: number;
  /** For how long after they were replaced, by the clock of the stamps. */
  readonly versionsMs: number;
}

/** A content that was replaced or removed. */
export interface KeptVersion {
  /** A frozen inode with the file's content, mode, times and attributes. */
  readonly inode: number;
  /** R14: stamp of its replacement. */
  readonly keptMs: number;
}

/** What a file was before, or what a name led to: the key says which. */
export interface HistoryRow {
  readonly kind: "fs-history";
  /** Oldest first; at least one. */
  readonly versions: readonly KeptVersion[];
}

/** An upload in the order of its expiry, or something to sweep: the key says which. */
export interface TreeIndexRow {
  readonly kind: "fs-index";
}

/** A name of what an attempt has staged. */
export interface PreparedMove {
  /** Relative to the workspace; empty for all of it. */
  readonly path: string;
  /** A folder with all that lies in it, which is not listed; else what lies in it follows. */
  readonly whole: boolean;
}

/** What an attempt has put aside to be seen in the volume with its end. */
export interface PreparedPublish {
  /** Relative to the attempt's folder. */
  readonly from: string;
  /** Of the volume. */
  readonly to: string;
}

/** What is done to the workspace and the volume when the attempt ends well. */
export interface PreparedEnd {
  /** Paths of the workspace that go, before anything comes. */
  readonly removes: readonly string[];
  /** Each folder before what lies in it. */
  readonly moves: readonly PreparedMove[];
  readonly publishes: readonly PreparedPublish[];
}

/** An end that waits to be told; the key says of which attempt. */
export interface PreparedEndRow extends PreparedEnd {
  readonly kind: "fs-prepared";
}

export type TreeRow =
  | VolumeRow
  | FileRow
  | DirectoryRow
  | SymlinkRow
  | EntryRow
  | FileBlockRow
  | StripeRow
  | ContentRow
  | ContentPartRow
  | UploadRow
  | TreeIndexRow
  | PreparedEndRow
  | SnapshotRow
  | RetentionRow
  | HistoryRow;
