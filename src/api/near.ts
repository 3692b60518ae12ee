/** What a node tells mounts that may be on the same machine. */

/** Where a node and its mounts meet. All paths are absolute. */
export interface NearPlace {
  /** Who can write here need not send what was written: `staged` names the file. */
  readonly directory: string;
  /** A file in it, and what it says: who reads the same there sees the node's files. */
  readonly proofFile: string;
  readonly proof: string;
  /** Blocks that have files of their own: `aa/<sha256>` below this. To be verified by who reads them. */
  readonly blocks: string;
  /** Files in `directory` that are pieces of content become blocks as they are. Earlier versions say nothing. */
  readonly takesPieces?: boolean;
  /** How long after a file was opened its blocks may be read there; reads over HTTP keep them, these do not. */
  readonly readMs: number;
}

/** Content that the node finds in `NearPlace.directory`. */
export interface StagedContent {
  /** Relative to the directory. */
  readonly staged: string;
  /** Where it begins in that file; 0 where nothing is said. */
  readonly from?: number;
  readonly bytes: number;
}
