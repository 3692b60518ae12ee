/** Copies of the blocks of files: where they are, whether they are whole, and making those that are short. */
import type { CallOptions } from "./call-options.ts";

/** How the blocks of a file stand. */
export interface CopiesView {
  readonly blocks: number;
  readonly bytes: number;
  /** On how many nodes each block is, at least; of a stripe one more than the nodes that it may lose. */
  readonly copies: number;
  /** On how many the volume asks for. */
  readonly copiesWanted: number;
  /** Stripes of coded blocks, and the blocks of parity in them; 0 where blocks have copies. */
  readonly stripes: number;
  readonly parity: number;
  /** Blocks with fewer copies than the nodes that are up could have. */
  readonly short: number;
  /** Blocks that only a node that is away may have. */
  readonly missing: number;
  /** Blocks that no node has any more. */
  readonly lost: number;
  /** Names of nodes, and how many of the blocks each has. */
  readonly nodes: readonly { readonly node: string; readonly blocks: number }[];
}

/** A file, or a page of the names of a folder; null for what is no file. */
export interface WhereView {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly entries: readonly {
    readonly name: string;
    readonly type: "file" | "directory" | "symlink";
    readonly copies: CopiesView | null;
  }[];
  readonly next: string | null;
}

/** What one step of healing a volume did; go on with `next` as `after`. */
export interface HealView {
  readonly blocks: number;
  readonly copied: number;
  readonly copiedBytes: number;
  readonly short: number;
  readonly missing: number;
  readonly lost: number;
  readonly next: string | null;
}

/** What one step of reading copies found. */
export interface VerifyCounts {
  /** Copies that were read, and bytes of those that are whole. */
  readonly blocks: number;
  readonly bytes: number;
  /** Copies that were damaged, and are set aside. */
  readonly damaged: number;
  /** Of these, those that were fetched again from another node. */
  readonly repaired: number;
}

/** A step within a file; `next` is where the next one begins, bytes. */
export interface VerifyFileView extends VerifyCounts {
  /** Blocks of the file that only a node that is away may have, and that no node has any more. */
  readonly missing: number;
  readonly lost: number;
  /** Names of nodes that are down or did not answer: copies there were not read. */
  readonly silent: readonly string[];
  readonly next: number | null;
}

/** A step within the store of a node; go on with `next` as `after`. */
export interface VerifyNodeView extends VerifyCounts {
  readonly node: string;
  readonly next: string | null;
}

/** All methods may be called at any node, and reject as those of `FilePort`. */
export interface CopyPort {
  where(
    at: {
      readonly workflow: string;
      readonly path: string;
      readonly limit: number;
      readonly after: string | undefined;
    },
    options: CallOptions,
  ): Promise<WhereView>;
  heal(
    of: { readonly workflow: string; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<HealView>;
  verifyFile(
    of: {
      readonly workflow: string;
      readonly path: string;
      readonly from: number;
      readonly repair: boolean;
    },
    options: CallOptions,
  ): Promise<VerifyFileView>;
  /** @throws {JobxError} `NODE_UNKNOWN`, `NODE_NAME_SHARED`, `FS_STOPPED` when the node does not answer. */
  verifyNode(
    of: { readonly node: string; readonly after: string | undefined; readonly repair: boolean },
    options: CallOptions,
  ): Promise<VerifyNodeView>;
}
