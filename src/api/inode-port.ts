/** The shared filesystem of a workflow by the numbers of its inodes, as a mount asks for it. */
import type { CallOptions } from "./call-options.ts";
import type { NearPlace, StagedContent } from "./near.ts";

/** An inode of a workflow's volume; 1 is the root folder. */
export interface InodeAt {
  readonly workflow: string;
  readonly inode: number;
}

/** A name of a folder. */
export interface NameAt {
  readonly workflow: string;
  /** The folder's inode. */
  readonly parent: number;
  readonly name: string;
}

/** An inode as `stat` shows it. */
export interface InodeView {
  readonly inode: number;
  readonly type: "file" | "directory" | "symlink";
  readonly revision: number;
  /** The lower 12 bits of a POSIX mode. */
  readonly mode: number;
  /** As its writer says, microseconds since 1970. */
  readonly mtimeMicros: number;
  /** When anything of it was changed, by the cluster's clock. */
  readonly changedMs: number;
  readonly links: number;
  /** Of a file; else 0. */
  readonly bytes: number;
  /** Of a file: equal only where the bytes are. */
  readonly content: string | null;
  /** What a symbolic link says. */
  readonly target: string | null;
}

/** A block of a file: its sha256 as it is stored, and how long its content is. */
export interface BlockView {
  readonly cid: string;
  readonly bytes: number;
  /** Of a sealed block: the sha256 of its content. */
  readonly plain: string | null;
}

/** A file with the list of its blocks, or where that is. */
export interface OpenInode extends InodeView {
  readonly blocks: readonly BlockView[];
  /** The number of a list that is too long to be told here; null when `blocks` are all. */
  readonly list: number | null;
  /** Parts of that list. */
  readonly parts: number;
}

/** A page of a folder, in the order of the bytes of the names. */
export interface InodeList {
  readonly entries: readonly (InodeView & { readonly name: string })[];
  /** `after` of the next page; null when there is none. */
  readonly next: string | null;
}

/** An inode of which nothing is left is null. */
export interface InodeChange {
  readonly inode: InodeView | null;
  /** What had the new name before a rename, with the links that it has left; 0 where it is gone. */
  readonly replaced: InodeView | null;
}

/** Content for an inode that is there, or with a name for a new one whose number was reserved. */
export interface InodeCommit extends InodeAt {
  readonly place: { readonly parent: number; readonly name: string } | undefined;
  /** A new name must be free; else another file that has it loses it. */
  readonly exclusive: boolean;
  /** Of a new file 0o644 where it is undefined; else it stays. */
  readonly mode: number | undefined;
  readonly mtimeMicros: number | undefined;
  /** How long the content is, where that is known. */
  readonly bytes: number | undefined;
  /** Its pieces came before, under this name; `bytes` says how many of them. */
  readonly upload?: string | undefined;
}

/** Pieces of a content that is still written. */
export interface PiecesPut {
  readonly workflow: string;
  readonly upload: string;
  /** Where they begin, bytes: a multiple of 1 MiB. */
  readonly at: number;
  /** Up to 8 MiB. */
  readonly bytes: number;
  /**
   * One for each piece, in the folder where mounts and this node meet (`NearPlace`): what nobody writes to any more.
   * They become blocks as they are, and keep these names as well. Undefined: the pieces come as bytes.
   */
  readonly files?: readonly string[] | undefined;
}

/** What a commit came to. */
export interface InodeCommitted extends OpenInode {
  /** The folder in which a new file got its name, as it is then; null where it is gone, or no name was said. */
  readonly folder: InodeView | null;
}

/** One extended attribute; bytes are base64. */
export interface InodeAttribute {
  readonly name: string;
  readonly value: string;
}

/** What changed in a volume after a number. */
export interface VolumeChanges {
  /** Some changes are gone: anything may have changed up to `next`. */
  readonly resync: boolean;
  /** In their order. */
  readonly changes: readonly {
    /** Inodes that show it have at least this revision. */
    readonly revision: number;
    /** Inodes of which anything is different, or which came or went. */
    readonly inodes: readonly number[];
    /** Names that lead elsewhere, or nowhere. */
    readonly entries: readonly { readonly parent: number; readonly name: string }[];
  }[];
  /** `after` of the next question. */
  readonly next: number;
  /**
   * For so long after this question was sent, others that change something wait until the mount asks for what
   * comes after it. 0: nobody waits for it.
   */
  readonly leaseMs: number;
}

/** Of a volume; null: without a bound. */
export interface VolumeUse {
  readonly usedBytes: number;
  readonly usedInodes: number;
  readonly quotaBytes: number | null;
  readonly quotaInodes: number | null;
  /** Free on the disk of the node that answers. */
  readonly freeBytes: number;
}

/**
 * Rejects with the codes of the tree, `WORKFLOW_UNKNOWN`, and those of commands and reads. Symbolic links are
 * never followed. The call's deadline is that of each command and read; content may take longer.
 */
export interface InodePort {
  /** An inode, or what a name in it leads to. */
  look(
    at: InodeAt & { readonly name: string | undefined },
    options: CallOptions,
  ): Promise<InodeView>;
  list(
    at: InodeAt & { readonly limit: number; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<InodeList>;
  /** @throws `FS_CHANGED` where `place` is said and leads elsewhere; `FS_IS_DIRECTORY`. */
  open(at: InodeAt & Pick<InodeCommit, "place">, options: CallOptions): Promise<OpenInode>;
  /** One part of a long list. @throws `FS_NOT_FOUND` when it is gone. */
  blocks(
    at: { readonly workflow: string; readonly list: number; readonly part: number },
    options: CallOptions,
  ): Promise<{ readonly blocks: readonly BlockView[] }>;
  /** The content of a block, opened where `plain` says that it is sealed; also of one that no file names any more as long as it is kept. */
  block(
    at: { readonly workflow: string } & BlockView,
    options: CallOptions,
  ): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Nothing of it is seen before all of it is durable. Answers the content that it brought, whatever came after.
   * @throws also `FS_PIN_LAPSED` for an `upload` that is not on its way here.
   */
  commit(
    input: InodeCommit,
    bytes: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<InodeCommitted>;
  /** The first of `count` numbers that are nobody else's. */
  reserve(
    of: { readonly workflow: string; readonly count: number },
    options: CallOptions,
  ): Promise<{ readonly first: number }>;
  mkdir(at: NameAt & { readonly mode: number }, options: CallOptions): Promise<InodeChange>;
  symlink(at: NameAt & { readonly target: string }, options: CallOptions): Promise<InodeChange>;
  link(at: NameAt & { readonly inode: number }, options: CallOptions): Promise<InodeChange>;
  /** Of a folder only an empty one, and only with `folder`. */
  unlink(at: NameAt & { readonly folder: boolean }, options: CallOptions): Promise<InodeChange>;
  rename(
    move: NameAt & {
      readonly toParent: number;
      readonly toName: string;
      readonly exclusive: boolean;
    },
    options: CallOptions,
  ): Promise<InodeChange>;
  set(
    at: InodeAt & Pick<InodeCommit, "mode" | "mtimeMicros">,
    options: CallOptions,
  ): Promise<InodeChange>;
  attributes(
    at: InodeAt,
    options: CallOptions,
  ): Promise<{ readonly attributes: readonly InodeAttribute[] }>;
  /** Sets one, or takes it away where `value` is null. */
  setAttribute(
    at: InodeAt & {
      readonly name: string;
      readonly value: string | null;
      readonly over: "any" | "absent" | "present";
    },
    options: CallOptions,
  ): Promise<InodeChange>;
  /**
   * What changed after a number, or from now on; resolves when there is something, else after `waitMs`. With `mount`
   * it is left out what was changed by calls that name the same one, and others wait for it (`leaseMs`); the last
   * such question has `ends`.
   */
  changes(
    of: {
      readonly workflow: string;
      readonly after: number | undefined;
      readonly waitMs: number;
      readonly mount: string | undefined;
      readonly ends: boolean;
    },
    options: CallOptions,
  ): Promise<VolumeChanges>;
  space(of: { readonly workflow: string }, options: CallOptions): Promise<VolumeUse>;
  /**
   * A content that comes while it is still written: the name under which this node knows it, for some minutes after
   * each of its pieces; null where the volume takes only whole contents.
   */
  beginUpload(
    of: { readonly workflow: string },
    options: CallOptions,
  ): Promise<{ readonly upload: string | null }>;
  /** Resolves when they are durable. @throws `FS_PIN_LAPSED` where no such content is on its way. */
  putPieces(
    of: PiecesPut,
    bytes: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<Readonly<Record<string, never>>>;
  /** Nothing more of it will come. */
  endUpload(
    of: { readonly workflow: string; readonly upload: string },
    options: CallOptions,
  ): Promise<Readonly<Record<string, never>>>;
  /** Where this node and the mounts on its machine meet; undefined where they do not. */
  near(of: { readonly workflow: string }, options: CallOptions): Promise<NearPlace | undefined>;
  /** What a mount has written there. Fails with `API_INPUT_INVALID` where it is not. */
  staged(content: StagedContent): AsyncIterable<Uint8Array>;
}
