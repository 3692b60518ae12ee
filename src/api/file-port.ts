/** The shared filesystem of a workflow, as the API asks for it. */
import type { CallOptions } from "./call-options.ts";
import type { InodeAttribute } from "./inode-port.ts";

/** A path of a workflow's volume, with a slash before it or without. The root is `/`. */
export interface FileAt {
  readonly workflow: string;
  readonly path: string;
  /** Where it is read from: a snapshot's name or CID; undefined: the volume as it is. */
  readonly snapshot?: string | undefined;
}

/** A path, or what it held before. */
export interface VersionAt extends FileAt {
  /** The number of a kept version. */
  readonly version?: number | undefined;
}

/** What has to be there before, by `If-Match` and `If-None-Match`. */
export type FileExpectation =
  | { readonly kind: "any" }
  | { readonly kind: "absent" }
  /** Something of whatever content. */
  | { readonly kind: "present" }
  /** Content of this id. */
  | { readonly kind: "content"; readonly cid: string };

/** How a file is to be put. */
export interface FilePut extends FileAt {
  readonly expect: FileExpectation;
  /** The lower 12 bits of a POSIX mode; undefined: 0o644, or what the file has. */
  readonly mode: number | undefined;
  /** Makes the folders that are missing on the way. */
  readonly parents: boolean;
  /** What the content's sha256 must be, hex. @throws `FS_DIGEST_MISMATCH`. */
  readonly sha256: string | undefined;
}

/** What a put is answered with. */
export interface FilePutAnswer {
  readonly path: string;
  readonly bytes: number;
  readonly cid: string;
  readonly inode: number;
  readonly revision: number;
  /** On how many nodes each block is, at least. */
  readonly copies: number;
  /** On how many the volume asks for. */
  readonly copiesWanted: number;
}

/** A file, folder or symbolic link. */
export interface FileView {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly inode: number;
  readonly revision: number;
  readonly mode: number;
  /** ISO 8601. */
  readonly mtime: string;
  readonly links: number;
  /** Of a file; else 0. */
  readonly bytes: number;
  /** Of a file whose writer told it. */
  readonly cid: string | null;
  /** What a symbolic link says. */
  readonly target: string | null;
  /** Names in a folder. */
  readonly entries: number | null;
}

/** A page of a folder, in the order of the bytes of the names. */
export interface FileList {
  readonly path: string;
  readonly entries: readonly (Omit<FileView, "path"> & { readonly name: string })[];
  /** `after` of the next page; null when there is none. */
  readonly next: string | null;
}

/** Which part of a file: bytes from `from` up to but not including `to`. */
export interface FileRange {
  readonly from: number;
  readonly to: number;
}

/** A file that was found, as it was then. */
export interface OpenFile {
  readonly view: FileView;
  /**
   * Its bytes; resolves when the first ones are there. To be read to the end or returned.
   * @throws `FS_BLOCK_LOST`, `FS_BLOCK_MISSING`.
   */
  read(range: FileRange): Promise<AsyncIterable<Uint8Array>>;
}

/** What a change of names is answered with. */
export interface FileChange {
  /** What it made or changed; 0 for what is gone. */
  readonly inode: number;
  readonly revision: number;
}

/** How a folder is put, from an archive. */
export interface TreePut extends FileAt {
  /**
   * Nothing is seen of it before all of it is there; at the path there must be nothing or an empty folder.
   * Else what came before a failure stays.
   */
  readonly atomic: boolean;
}

/** What was put of an archive; errors of a put have the same counts in their details. */
export interface TreeCounts {
  readonly files: number;
  readonly directories: number;
  /** Symbolic links, and names of files that have several. */
  readonly links: number;
  /** Of the files. */
  readonly bytes: number;
}

export interface TreePutAnswer extends TreeCounts {
  readonly path: string;
  /** On how many nodes each block is, at least. */
  readonly copies: number;
  /** On how many the volume asks for. */
  readonly copiesWanted: number;
}

/** An extended attribute that is set, or taken away where `value` is null. */
export interface AttributeChange extends FileAt {
  /** Begins with `user.`. */
  readonly name: string;
  /** Base64. */
  readonly value: string | null;
  readonly over: "any" | "absent" | "present";
}

/**
 * Rejects with the codes of the tree (`FS_NOT_FOUND` and others), `WORKFLOW_UNKNOWN`, and those of commands
 * and reads. The call's deadline is that of each command and read; content may take longer.
 */
export interface FilePort {
  /** Nothing of it is seen before all of it is durable. `bytes` is asked for no faster than it is stored. */
  put(
    input: FilePut,
    bytes: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<FilePutAnswer>;
  /** Follows symbolic links. @throws `FS_IS_DIRECTORY`. */
  open(at: VersionAt, options: CallOptions): Promise<OpenFile>;
  /**
   * Unpacks a tar archive below a folder, which is made where it is missing. Names that are there are replaced,
   * but for folders. @throws `API_TAR_INVALID`, `API_TAR_ENTRY_REFUSED`; with `atomic` `FS_NOT_EMPTY`.
   */
  putTree(
    input: TreePut,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<TreePutAnswer>;
  /**
   * A folder with all below it as a tar archive, sorted by name in each folder; a name of a file that has
   * several is a file. Resolves when the folder was found. To be read to the end or returned.
   */
  openTree(at: FileAt, options: CallOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Of a symbolic link itself, unless `follow`. */
  stat(at: VersionAt & { readonly follow: boolean }, options: CallOptions): Promise<FileView>;
  list(
    at: FileAt & { readonly limit: number; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<FileList>;
  mkdir(at: FileAt & { readonly parents: boolean }, options: CallOptions): Promise<FileChange>;
  /** With `recursive` also a folder with all that lies under it; else a file, link or empty folder. */
  remove(at: FileAt & { readonly recursive: boolean }, options: CallOptions): Promise<FileChange>;
  /** Replaces what rename(2) would, or with `exclusive` nothing. */
  rename(
    move: {
      readonly workflow: string;
      readonly from: string;
      readonly to: string;
      readonly exclusive: boolean;
      readonly parents: boolean;
    },
    options: CallOptions,
  ): Promise<FileChange>;
  /**
   * Moves over whatever is there, also a folder with all that lies under it, and makes the folders that are missing.
   * A handler's is done with the end of its attempt, if that ends well.
   */
  publish(
    move: { readonly workflow: string; readonly from: string; readonly to: string },
    options: CallOptions,
  ): Promise<FileChange>;
  /** Another name for a file. */
  link(
    move: { readonly workflow: string; readonly from: string; readonly to: string },
    options: CallOptions,
  ): Promise<FileChange>;
  symlink(at: FileAt & { readonly target: string }, options: CallOptions): Promise<FileChange>;
  /** Extended attributes of what a path leads to, those of `user.` only. */
  attributes(
    at: FileAt,
    options: CallOptions,
  ): Promise<{ readonly attributes: readonly InodeAttribute[] }>;
  /** @throws `FS_NAME_INVALID`, `FS_EXISTS`, `FS_ATTRIBUTE_UNKNOWN`, `FS_ATTRIBUTES_FULL`. */
  setAttribute(change: AttributeChange, options: CallOptions): Promise<FileChange>;
}
